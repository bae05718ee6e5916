"""Command ``rossmann monitor``: measure accuracy of the forecasts and drift of the data."""

from __future__ import annotations

from rich.console import Console

from rossmann_ml.cli.monitor.accuracy import show_accuracy
from rossmann_ml.cli.monitor.drift import show_drift


def monitor() -> None:
    """Compare forecasts with actual sales, and the newest data with earlier data.

    The results are stored in the warehouse; readers see them after the next `rossmann publish`.
    Evidently's pages are in the state folder.
    """
    console = Console(highlight=False)
    show_accuracy(console)
    show_drift(console)
