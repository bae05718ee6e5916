"""``rossmann monitor``: drift alone, on the warehouse as it stands."""

from __future__ import annotations

from rich.console import Console


def monitor() -> None:
    """Measure drift at the newest origin, and show what drifted and what did not.

    Rows are kept in monitoring.drift_metrics and published by the next `rossmann publish`;
    Evidently's pages lie below the state folder.
    """
    # here and not above, so that `rossmann --help` does not wait for polars
    from rossmann_ml.cli.monitor_drift import show_drift  # noqa: PLC0415

    show_drift(Console(highlight=False))
