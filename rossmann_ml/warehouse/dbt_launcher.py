"""Run dbt's command line in a process that ends together with the process that started it.

``python -m rossmann_ml.warehouse.dbt_launcher PARENT_PID ARGUMENTS`` runs ``dbt ARGUMENTS``. The
operating system releases the writer's lock when a job dies. If the dbt process that the job started
lived on, dbt would write at the same time as the next job.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Make the operating system kill this process when the process that started it dies.

    Args:
        parent: Id of the process that started this one. If it has died already, this process exits.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"the process {parent} that started dbt is gone")


if __name__ == "__main__":
    end_with(int(sys.argv.pop(1)))
    from dbt.cli.main import cli  # takes seconds: the parent may die meanwhile

    cli(prog_name="dbt")
