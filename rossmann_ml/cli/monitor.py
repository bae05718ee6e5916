"""``rossmann monitor``: what came of the forecasts, on the warehouse as it stands."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

Section = Callable[[Console], None]
"""Measures one thing and shows it."""


def monitor() -> None:
    """Compare the forecasts with what came true, and show it beside the backtest.

    What is found is kept in the warehouse; the next `rossmann publish` shows it to readers.
    """
    console = Console(highlight=False)
    for section in _sections():
        section(console)


def _sections() -> list[Section]:
    # here and not above, so that `rossmann --help` does not wait for polars
    from rossmann_ml.cli.monitor_accuracy import show_accuracy  # noqa: PLC0415

    return [show_accuracy]
