"""Define ``rossmann api`` and ``rossmann dashboard``, which start the servers of published data.

The servers are in `app`, which `rossmann_ml` does not import; they are started by module name.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Annotated

import typer

from rossmann_ml.base.errors import BusyError
from rossmann_ml.base.host_names import host_names
from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every network.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def api(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the published forecasts over HTTP, with documentation at /docs."""
    check_can_listen(host, port)
    # the C library reads it at start: by default every thread keeps a pool of freed memory
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    Console().print(f"API: http://{host}:{port} (documentation: /docs)")
    _become(["-m", "app.api", "--host", host, "--port", str(port)])


def dashboard(host: Host = "127.0.0.1", port: Port = 8501) -> None:
    """Serve the dashboard of the published forecasts.

    Its figures are shown only under the address it listens on, localhost, and the host names in
    ROSSMANN_ALLOWED_HOSTS.
    """
    check_can_listen(host, port)
    names = host_names(default_settings(), host)
    Console(highlight=False).print(f"Dashboard: http://{host}:{port} (names: {', '.join(names)})")
    _become(["-m", "app.dashboard", "--host", host, "--port", str(port)])


def check_can_listen(host: str, port: int, option: str = "--port") -> None:
    """Raise an error with a clear message if a server could not start on an address.

    The settings are checked too, because the server reads them when it starts. Without these
    checks, the server would end with a traceback.

    Args:
        host: Address that the server will listen on.
        port: Port that the server will listen on.
        option: Option of the command that chooses another port, for the message.

    Raises:
        BusyError: The address is in use or cannot be bound.
        SettingsError: A setting in the environment is invalid.
    """
    default_settings()  # bad settings are reported here without a traceback too
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BusyError(
                f"cannot listen on port {port} of {host}: {error.strerror}; end the program that "
                f"listens there, or choose another port with {option} (or another --host)"
            ) from error


def _become(arguments: list[str]) -> None:
    """Replace this process by a server, so that the server gets the signals and sets the exit code.

    Args:
        arguments: Arguments of the Python interpreter that start the server.
    """
    sys.stdout.flush()
    # -P: modules in the working directory must not hide those of the product
    os.execv(sys.executable, [sys.executable, "-P", *arguments])  # noqa: S606 - no shell is wanted
