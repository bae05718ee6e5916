"""``rossmann monitor``: measure accuracy and drift on the current warehouse."""

from __future__ import annotations

from rich.console import Console

from rossmann_ml.cli.monitor.accuracy import show_accuracy
from rossmann_ml.cli.monitor.drift import show_drift


def monitor() -> None:
    """Compare forecasts with actual sales, and the newest data with earlier data.

    What is found is kept in the warehouse; the next `rossmann publish` shows it to readers.
    Evidently's pages lie below the state folder.
    """
    console = Console(highlight=False)
    show_accuracy(console)
    show_drift(console)
