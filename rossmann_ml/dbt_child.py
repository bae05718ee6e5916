"""dbt as a process that ends with the one that started it, however that one dies.

A dbt that outlived a killed job would go on writing while the next job begins: the writer's lock
goes with the job. ``python -m rossmann_ml.dbt_child PID dbt's arguments``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Let the system kill this process when its parent dies, where it can (Linux).

    Args:
        parent: The process that started this one; if it is gone already, this one ends now.
    """
    with suppress(OSError, AttributeError):  # another system than Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"the process {parent} that started dbt is gone")


def main() -> None:
    """Run dbt with the arguments after the parent's number."""
    end_with(int(sys.argv.pop(1)))
    from dbt.cli.main import cli  # noqa: PLC0415 - takes seconds, and the parent may be gone

    cli()


if __name__ == "__main__":
    main()
