"""What processes of the product set so that libraries behave, in one place.

Every entry point (command line, Dagster code location, API, dashboard, dbt) calls :func:`prepare`
before it imports the libraries concerned.
"""

from __future__ import annotations

import os
import signal

_DEFAULTS = {
    # nothing is sent home
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    # Threads that wait give their core away. On a machine that does other work too, spinning
    # made a fit take ten times as long.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    # OpenBLAS spins whatever it is told: with two threads beside one other busy process the
    # features of an origin took 3 to 40 s, with one thread always 1 s.
    "OPENBLAS_NUM_THREADS": "1",
}


def prepare() -> None:
    """Set the defaults; what the environment already says stays."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def heed_interrupts() -> None:
    """Let an interrupt end a wait for another process at once.

    Polars handles interrupts too, and has the system take up an interrupted call again: a process
    that has imported it would not heed the signal before what it waits for is over.
    """
    signal.siginterrupt(signal.SIGINT, True)
