"""Run the API server, with its log as JSON lines: ``python -m app.api``."""

from __future__ import annotations

import argparse
import resource
import sys
from contextlib import suppress
from functools import partial
from typing import Any

from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.signals import ended_by_signals

with ended_by_signals():  # so that a signal during these imports ends the process without traceback
    import uvicorn
    from fastapi import FastAPI

    from app.api.bounds.connections import BoundedProtocol, ConnectionLimits
    from app.api.main import create_app
    from app.api.records import logs
    from app.api.settings import ApiSettings, load_api_settings, require_keys_for

# Longer than proxies and clients keep an idle connection (60 s is usual): a request that is on its
# way would be lost if the server closed the connection first.
_IDLE_SECONDS = 65


def main() -> int:
    """Run the server with settings from environment and command line until a signal stops it.

    Returns:
        Exit status: 0 after ``SIGINT`` (Ctrl+C), 1 if the server could not start, or the exit code
        of the ``SettingsError`` if an API setting is invalid. ``SIGTERM`` first stops the server
        and then ends the process, so that its status is 143.
    """
    parser = argparse.ArgumentParser(prog="python -m app.api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    try:
        with ended_by_signals():
            api = load_api_settings()
            require_keys_for(api, arguments.host)
            app = create_app(api=api)
    except RossmannError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    logs.configure(api.log_level)
    _allow_open_files()
    server = uvicorn.Server(server_config(app, api, host=arguments.host, port=arguments.port))
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 1


def server_config(app: FastAPI, api: ApiSettings, *, host: str, port: int) -> uvicorn.Config:
    """Build the configuration of the server.

    Args:
        app: Application.
        api: Settings with the limits of connections.
        host: Address to listen on.
        port: Port to listen on.
    """
    protocol: Any = partial(BoundedProtocol, limits=_connection_limits(api))
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # the application records requests
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=_IDLE_SECONDS,
        workers=1,  # WEB_CONCURRENCY, meant for other servers, would end this one
        http=protocol,
        ws="none",
        backlog=api.max_connections,
        # FORWARDED_ALLOW_IPS, or this machine by default, would let callers choose their address
        proxy_headers=bool(api.trusted_proxies),
        forwarded_allow_ips=api.trusted_proxies.replace(" ", ""),
    )


def _connection_limits(api: ApiSettings) -> ConnectionLimits:
    return ConnectionLimits(
        most=api.max_connections,
        head_seconds=api.head_timeout_seconds,
        body_seconds=api.body_timeout_seconds,
        send_seconds=api.send_timeout_seconds,
        most_bytes=2 * api.max_body_bytes + 1_000_000,  # a body in chunks is longer
    )


def _allow_open_files() -> None:
    """Raise the limit of open files as far as the system allows, because connections need them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
