"""Start Dagster, which shows the runs recorded in the state folder: ``python -m assets.ui``.

``rossmann up`` starts all parts of Dagster together. In containers, each part runs in a container
of its own: the code location with its runs, the UI, and the daemon.
"""

from __future__ import annotations

import argparse
import os
import sys

from assets.home import prepare_dagster_home
from rossmann_ml.base.settings import Settings, load_settings

_PARTS = ("all", "code", "webserver", "daemon")


def main() -> None:
    """Replace this process with Dagster, or with the part of Dagster that ``--part`` names.

    Dagster gets the same home folder as in ``rossmann refresh``, so that its UI also shows the runs
    of that command.
    """
    parser = argparse.ArgumentParser(prog="python -m assets.ui", description=__doc__)
    parser.add_argument("--part", choices=_PARTS, default="all")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="3000")
    given = parser.parse_args()
    settings = load_settings()
    prepare_dagster_home(settings)
    command = dagster_command(settings, given.part, given.host, given.port)
    # replaced, so that signals reach Dagster and its exit code is this process's
    os.execv(sys.executable, [sys.executable, "-P", "-m", *command])  # noqa: S606 - no shell is wanted


def dagster_command(settings: Settings, part: str, host: str, port: str) -> list[str]:
    """Return the arguments after ``python -m`` that start a part of Dagster.

    Args:
        settings: Settings with the path of Dagster's workspace file.
        part: ``code`` (the code location, whose runs are its child processes), ``webserver`` (the
            UI), ``daemon`` (schedules, sensors and the queue of runs), or ``all`` for the three
            together.
        host: Address to listen on; ignored for the daemon, which does not listen.
        port: Port to listen on; ignored for the daemon.
    """
    where = ["--host", host, "--port", port]
    workspace = ["--workspace", str(settings.home / settings.dagster_workspace)]
    return {
        "all": ["dagster", "dev", *where, *workspace],
        "code": [
            *("dagster", "api", "grpc", *where, "--location-name", "rossmann"),
            *("--module-name", "assets.definitions", "--attribute", "defs"),
            # runs start with this interpreter, not with the `dagster` found on PATH
            "--use-python-environment-entry-point",
        ],
        "webserver": ["dagster_webserver", *where, *workspace],
        "daemon": ["dagster._daemon", "run", *workspace],
    }[part]


if __name__ == "__main__":
    main()
