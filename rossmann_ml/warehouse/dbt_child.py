"""The process that has dbt loaded and forks itself for each command.

``python -m rossmann_ml.warehouse.dbt_child PID`` reads a command a line from its input, as JSON,
and answers each with a line; :mod:`rossmann_ml.warehouse.dbt_process` is the one that asks. It ends
with the process PID that started it, however that one dies, and a running dbt with it: a dbt that
outlived a killed job would go on writing while the next job begins, for the writer's lock goes with
the job.

Whatever is imported here at the top delays every dbt command.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1
_INPUT, _OUTPUT, _ERRORS = 0, 1, 2
_LOOK_EVERY_SECONDS = 0.1


def end_with(parent: int) -> None:
    """Let the system kill this process when its parent dies, where it can (Linux).

    Args:
        parent: The process that started this one; if it is gone already, this one ends now.
    """
    with suppress(OSError, AttributeError):  # another system than Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"the process {parent} that started dbt is gone")


def serve(parent: int) -> None:
    """Answer commands until the process that asks is gone.

    Args:
        parent: Its number. That it lives is looked at besides waiting for the input to end, since
            a process that it forked would hold the other end.
    """
    # Ctrl-C reaches every process of a terminal, and only dbt itself has something to wind up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(Exception):  # dbt's process loads it again and tells what is wrong
        import dbt.cli.main  # noqa: F401, PLC0415
    while (asked := _next_command(parent)) is not None:
        own = os.getpid()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            end_with(own)
            os.close(reading)
            _become_dbt(asked, writing)
        os.close(writing)
        output = _output_of(child, reading, parent)
        os.close(reading)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"returncode": code, "output": output}), flush=True)


def _next_command(parent: int) -> dict[str, Any] | None:
    while not select.select([_INPUT], [], [], _LOOK_EVERY_SECONDS)[0]:
        if os.getppid() != parent:
            return None
    line = sys.stdin.buffer.readline()
    return json.loads(line) if line else None


def _output_of(child: int, reading: int, parent: int) -> str:
    """All that dbt prints; ends this process and dbt if the one that asked is gone before."""
    found = bytearray()
    while True:
        ready = select.select([_INPUT, reading], [], [], _LOOK_EVERY_SECONDS)[0]
        # nobody asks before the answer is given: input that can be read is at its end
        if _INPUT in ready or os.getppid() != parent:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            sys.exit("the process that asked for dbt is gone")
        if reading in ready:
            chunk = os.read(reading, 65536)
            if not chunk:
                return found.decode(errors="replace")
            found += chunk


def _become_dbt(asked: dict[str, Any], writing: int) -> None:
    """Be what ``dbt`` on a command line is, to the end of this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), _INPUT)
    for stream in (_OUTPUT, _ERRORS):
        os.dup2(writing, stream)
    os.close(writing)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    from dbt.cli.main import cli  # noqa: PLC0415 - takes seconds, unless it is loaded already

    cli(asked["arguments"], prog_name="dbt")


if __name__ == "__main__":
    serve(int(sys.argv[1]))
