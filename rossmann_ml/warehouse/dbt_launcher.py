"""Run dbt's command line in a process that ends together with the process that started it.

``python -m rossmann_ml.warehouse.dbt_launcher PARENT_PID ARGUMENTS`` runs ``dbt ARGUMENTS``. A dbt
that outlived a killed job would write while the next job begins, because the operating system
releases the writer's lock when the job dies.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Make the operating system kill this process when its parent dies (Linux only).

    Args:
        parent: Process id of the parent. If the parent is already gone, this process exits at once.
    """
    with suppress(OSError, AttributeError):  # systems other than Linux have no prctl
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"the process {parent} that started dbt is gone")


if __name__ == "__main__":
    end_with(int(sys.argv.pop(1)))
    from dbt.cli.main import cli  # takes seconds: the parent may die meanwhile

    cli(prog_name="dbt")
