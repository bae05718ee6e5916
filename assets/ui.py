"""``python -m assets.ui``: Dagster over the runs of the state folder, as a whole or in parts.

``rossmann up`` starts the whole, so that the library need not know Dagster. The parts are for
containers: the code with its runs, the UI and the daemon in one each.
"""

from __future__ import annotations

from rossmann_ml.base import process

process.prepare()  # before Dagster is imported

import argparse  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from assets.home import prepare_dagster_home  # noqa: E402
from rossmann_ml.base.settings import Settings, load_settings  # noqa: E402

_PARTS = ("all", "code", "webserver", "daemon")


def main() -> None:
    """Become Dagster, with the folder that ``rossmann refresh`` writes to."""
    parser = argparse.ArgumentParser(prog="python -m assets.ui", description=__doc__)
    parser.add_argument("--part", choices=_PARTS, default="all")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="3000")
    asked = parser.parse_args()
    settings = load_settings()
    prepare_dagster_home(settings)
    command = dagster_command(settings, asked.part, asked.host, asked.port)
    # this process becomes Dagster, so that signals and the exit code are Dagster's
    os.execv(sys.executable, [sys.executable, "-P", "-m", *command])  # noqa: S606 - no shell is wanted


def dagster_command(settings: Settings, part: str, host: str, port: str) -> list[str]:
    """What starts a part of Dagster: a module and its arguments.

    Args:
        settings: Where the workspace file is.
        part: ``all``, ``code`` (the code location, whose runs are its child processes),
            ``webserver`` or ``daemon`` (schedules, sensors and the queue of runs; it listens on
            nothing).
        host: Address to listen on.
        port: Port to listen on.
    """
    where = ["--host", host, "--port", port]
    workspace = ["--workspace", str(settings.dagster_workspace_path)]
    return {
        "all": ["dagster", "dev", *where, *workspace],
        "code": [
            *("dagster", "api", "grpc", *where, "--location-name", "rossmann"),
            *("--module-name", "assets.definitions", "--attribute", "defs"),
            # runs are started with this interpreter, wherever `dagster` may lie
            "--use-python-environment-entry-point",
        ],
        "webserver": ["dagster_webserver", *where, *workspace],
        "daemon": ["dagster._daemon", "run", *workspace],
    }[part]


if __name__ == "__main__":
    main()
