"""``rossmann monitor``: what came true and what drifted, on the warehouse as it stands."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

Section = Callable[[Console], object]
"""Measures one thing and shows it."""


def monitor() -> None:
    """Compare the forecasts with what came true, and the newest data with earlier ones.

    What is found is kept in the warehouse; the next `rossmann publish` shows it to readers.
    Evidently's pages lie below the state folder.
    """
    console = Console(highlight=False)
    for section in _sections():
        section(console)


def _sections() -> list[Section]:
    # here and not above, so that `rossmann --help` does not wait for polars
    from rossmann_ml.cli.monitor.accuracy import show_accuracy  # noqa: PLC0415
    from rossmann_ml.cli.monitor.drift import show_drift  # noqa: PLC0415

    return [show_accuracy, show_drift]
