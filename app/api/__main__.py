"""Run the API server, with its log as JSON lines: ``python -m app.api``."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from app.api import logs
from app.api.main import create_app
from app.api.settings import load_api_settings
from rossmann_ml.base.errors import RossmannError

# Longer than proxies and clients keep an idle connection (60 s is usual): a request that is on its
# way would be lost if the server closed the connection first.
_IDLE_SECONDS = 65


def main() -> int:
    """Run the server with settings from environment and command line until a signal stops it.

    Returns:
        Exit status: 0 after a stop by a signal; if an API setting is invalid, the exit code of
        the ``SettingsError``.
    """
    parser = argparse.ArgumentParser(prog="python -m app.api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    try:
        api = load_api_settings()
        app = create_app(api=api)
    except RossmannError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    logs.configure(api.log_level)
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=False,  # the application records every request
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=_IDLE_SECONDS,
        workers=1,  # WEB_CONCURRENCY, meant for other servers, would end this one
        limit_concurrency=api.max_connections,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
