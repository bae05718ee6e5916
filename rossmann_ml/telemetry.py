"""Switching off what libraries send home, in one place.

Every entry point (command line, Dagster code location, API, dashboard) calls
:func:`switch_off` before it imports the libraries concerned.
"""

from __future__ import annotations

import os

_OFF = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}


def switch_off() -> None:
    """Tell dbt, Dagster, Great Expectations, MLflow and Streamlit to send nothing."""
    for name, value in _OFF.items():
        os.environ.setdefault(name, value)
