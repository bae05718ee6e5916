"""Name the environment variables of settings, and find those that a person mistyped.

Entry points: :func:`variable_of`, :func:`mistyped_variables`. The known names are the fields of the
classes of settings, such as :class:`rossmann_ml.base.settings.Settings`.
"""

from __future__ import annotations

import difflib
import os

from pydantic_settings import BaseSettings

from rossmann_ml.base.settings import DeliverySettings, Settings

_OF_THE_API = "ROSSMANN_API_"  # the API has a class of settings of its own
# Names that programs around the product read, such as ROSSMANN_DAGSTER_DATABASE, are less similar.
_LEAST_SIMILARITY = 0.7


def variable_of(settings: type[BaseSettings], name: str) -> str:
    """Return the environment variable of one field of a class of settings."""
    alias = settings.model_fields[name].validation_alias
    return str(alias or f"{settings.model_config['env_prefix']}{name}".upper())


def mistyped_variables() -> list[str]:
    """Describe ``ROSSMANN_*`` variables that no setting has, but whose name is close to one's.

    Returns:
        A message for each, with the name that was probably meant.
    """
    prefix = "ROSSMANN_"
    known = {
        variable_of(settings, name).removeprefix(prefix)
        for settings in (Settings, DeliverySettings)
        for name in settings.model_fields
    }
    found = []
    for variable in sorted(os.environ):
        word = variable.removeprefix(prefix)
        if word != variable and word not in known and not variable.startswith(_OF_THE_API):
            for close in difflib.get_close_matches(word, known, n=1, cutoff=_LEAST_SIMILARITY):
                found.append(
                    f"{variable} is no setting and is ignored; did you mean {prefix}{close}?"
                )
    return found
