"""Host names under which the dashboard and Dagster's UI may be addressed.

A server that answers to any name can be read by any web page: the page's own name is made to
resolve to this machine (DNS rebinding). Entry point: :func:`host_names`.
"""

from __future__ import annotations

import re

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "::1")
_EVERY_NETWORK = ("0.0.0.0", "::")  # noqa: S104 - compared only
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*")


def host_names(settings: Settings, host: str) -> list[str]:
    """Return the allowed host names in lower case, without ports.

    They are those of this machine for itself, the address that the server listens on, and those of
    ``ROSSMANN_ALLOWED_HOSTS``.

    Args:
        settings: Settings with the additional names.
        host: Address that the server listens on.

    Raises:
        SettingsError: A name in ``ROSSMANN_ALLOWED_HOSTS`` is not a host name or address.
    """
    added = [name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()]
    for name in added:
        if not _NAME.fullmatch(name):
            raise SettingsError(
                f"a setting in the environment cannot be used: ROSSMANN_ALLOWED_HOSTS: found "
                f"{name!r}, expected a host name without scheme, port or *, for example "
                "forecasts.example.org"
            )
    listening = [] if host in _EVERY_NETWORK else [host.lower()]
    return list(dict.fromkeys([*_LOCAL, *listening, *added]))
