"""Run the API server, with its log as JSON lines: ``python -m app.api``."""

from __future__ import annotations

import argparse
import sys

from app.api.memory import release_large_arrays

# Longer than proxies and clients keep an idle connection (60 s is usual): a request that is on its
# way would be lost if the server closed the connection first.
_IDLE_SECONDS = 65


def main() -> int:
    """Run the API server until a signal stops the process; return the exit status."""
    release_large_arrays()
    # The boosting libraries load scikit-learn for wrappers that the API does not use. This entry
    # makes that import fail, which they tolerate, and saves 37 MB per worker.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    # imported here because a child process (app.api.child) loads this module without needing them
    import uvicorn  # noqa: PLC0415

    from app.api import logs  # noqa: PLC0415
    from app.api.main import create_app  # noqa: PLC0415
    from app.api.settings import load_api_settings  # noqa: PLC0415
    from rossmann_ml.base.errors import RossmannError  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m app.api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    try:
        api = load_api_settings()
    except RossmannError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    logs.configure(api.log_level)
    uvicorn.run(
        create_app(api=api),
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=False,  # the application records every request
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=_IDLE_SECONDS,
        limit_concurrency=api.max_connections,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
