"""Start a part of Dagster, which shows the runs recorded in the state folder.

``python -m assets.ui --part webserver`` and ``--part daemon`` are Dagster on one machine, as
``rossmann up`` starts it; each starts a code location of its own. In containers, ``--part code`` is
their common code location. Dagster's own commands, such as ``dagster dev``, would start its web
server without the checks of `assets.same_origin`.
"""

from __future__ import annotations

import argparse
import os
import sys

from assets.home import open_instance
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.host_names import host_names
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.base.variables import mistyped_variables

_PARTS = ("code", "webserver", "daemon")


def main() -> None:
    """Run the part of Dagster that ``--part`` names, until a signal arrives.

    Dagster gets the same home folder as in ``rossmann refresh``, so that its UI also shows the runs
    of that command.
    """
    parser = argparse.ArgumentParser(prog="python -m assets.ui", description=__doc__)
    parser.add_argument("--part", choices=_PARTS, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=3000, type=int)
    given = parser.parse_args()
    for words in mistyped_variables():
        print(f"note: {words}", file=sys.stderr)
    try:
        _run(load_settings(), given.part, given.host, given.port)
    except RossmannError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _run(settings: Settings, part: str, host: str, port: int) -> None:
    if part == "webserver":
        from assets.webserver import serve  # noqa: PLC0415 - other parts do not need it

        serve(settings, host=host, port=port, host_names=host_names(settings, host))
    else:
        with open_instance(settings):
            pass  # its tables exist before Dagster's own command looks for them
        command = dagster_command(settings, part, host, port)
        # replaced, so that signals reach Dagster and its exit code is this process's
        os.execv(sys.executable, [sys.executable, "-P", "-m", *command])  # noqa: S606 - no shell


def dagster_command(settings: Settings, part: str, host: str, port: int) -> list[str]:
    """Return the arguments after ``python -m`` that start a part of Dagster by its own command.

    Args:
        settings: Settings with the path of Dagster's workspace file.
        part: ``code`` (the code location, whose runs are its child processes) or ``daemon``
            (schedules, sensors and the queue of runs).
        host: Address to listen on; ignored for the daemon, which does not listen.
        port: Port to listen on; ignored for the daemon.
    """
    return {
        "code": [
            *("dagster", "api", "grpc", "--host", host, "--port", str(port)),
            *("--location-name", "rossmann"),
            *("--module-name", "assets.definitions", "--attribute", "defs"),
            # runs start with this interpreter, not with the `dagster` found on PATH
            "--use-python-environment-entry-point",
        ],
        "daemon": [
            *("dagster._daemon", "run"),
            *("--workspace", str(settings.home / settings.dagster_workspace)),
        ],
    }[part]


if __name__ == "__main__":
    main()
