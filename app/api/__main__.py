"""``python -m app.api``: the server process, with its log as JSON lines."""

from __future__ import annotations

import argparse
import sys

from app.api.memory import give_large_arrays_back

# Longer than proxies and clients keep a connection that rests (60 s is usual): were it the server
# that closes first, a question just on its way would be lost.
_IDLE_SECONDS = 65


def main() -> int:
    """Serve until told to stop."""
    give_large_arrays_back()
    # The boosting libraries load scikit-learn, where it is, for wrappers that nothing here uses:
    # told that it is not, they go without, and a worker holds 37 MB less.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    # imported here: a child process (app.api.child) loads this module too, and needs none of it
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
        access_log=False,  # every request is recorded by the application
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=_IDLE_SECONDS,
        limit_concurrency=api.max_connections,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
