"""Prepare a process: switch telemetry off, limit BLAS threads, let Ctrl-C interrupt waits.

Every entry point (command line, Dagster code location, API, dashboard) calls :func:`prepare` before
it imports the libraries that read the environment variables set there. Child processes, such as
dbt, inherit the variables.
"""

from __future__ import annotations

import os
import signal

_DEFAULTS = {
    # no telemetry
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    # Waiting threads release their core: on a busy machine, spinning made a fit take ten times
    # as long.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    # OpenBLAS spins despite the settings above: with two threads and one other busy process, the
    # features of an origin took 3 to 40 s; with one thread always 1 s.
    "OPENBLAS_NUM_THREADS": "1",
}


def prepare() -> None:
    """Set environment variables that switch telemetry off and keep waiting threads off the cores.

    OpenBLAS gets one thread, because its waiting threads would otherwise occupy cores. Waiting
    threads of OpenMP sleep. A variable that the user has set keeps its value.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def heed_interrupts() -> None:
    """Make Ctrl-C interrupt the wait for a child process at once.

    Polars installs a signal handler that makes the system resume interrupted calls. Without this
    function, a process that has imported polars would react only after the child process ends.
    """
    signal.siginterrupt(signal.SIGINT, True)
