"""Print the accuracy section of ``rossmann monitor``."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from rossmann_ml.base.settings import default_settings
from rossmann_ml.monitoring.accuracy import AccuracyReport, measure_accuracy
from rossmann_ml.warehouse.session import Session

_VINTAGES_SHOWN = 20
_SHARES = ("coverage_80", "coverage_95", "skill")
_RANKINGS = {"relative": "by relative error", "eur": "by error in EUR"}


def show_accuracy(console: Console) -> None:
    """Compare forecasts with actual sales, and print the accuracy."""
    settings = default_settings()
    with console.status("Comparing forecasts with actual sales"):
        report = measure_accuracy(Session(settings))
    print_accuracy(console, report)


def print_accuracy(console: Console, report: AccuracyReport) -> None:
    """Print a table of the vintages, and the reasons recorded for the worst store-days.

    Args:
        console: Console to print to.
        report: Accuracy of the vintages.
    """
    if report.vintages.is_empty():
        console.print(_nothing_yet(report), soft_wrap=True)
        return
    console.print(vintage_table(report))
    more = len(report.vintages) - _VINTAGES_SHOWN
    if more > 0:
        console.print(f"{more:,} older vintages are in the table forecast_accuracy.")
    for ranking, words in _RANKINGS.items():
        reasons = [
            f"{store_days} {reason.replace('_', ' ')}"
            for ranked_by, reason, store_days in report.reasons.iter_rows()
            if ranked_by == ranking
        ]
        console.print(f"Worst store-days {words}: {', '.join(reasons) or 'none'}", soft_wrap=True)
    console.print("The table forecast_worst_days lists them.")


def _nothing_yet(report: AccuracyReport) -> str:
    """Explain in a sentence why no accuracy can be measured yet."""
    if report.newest_origin is None:
        return "Accuracy: there are no forecasts yet; run `rossmann refresh`."
    return (
        "Accuracy: no forecast day has actual sales yet. The newest origin is "
        f"{report.newest_origin}, the newest sales are of {report.newest_sales_date}; accuracy "
        "can be measured when sales of a day after an origin have been landed."
    )


def vintage_table(report: AccuracyReport) -> Table:
    """Build a table with one row per recent vintage, and a row with the newest model's backtest.

    Args:
        report: Accuracy of the vintages.
    """
    # narrow enough for a terminal of 80 columns
    table = Table(
        title=f"Forecasts as first served, against sales up to {report.newest_sales_date}, on open "
        "days.\nSkill: compared with seasonal naive at the origin. 4 weeks: RMSPE of this\n"
        "origin and those of the 27 days before. Last row: backtest of the newest\n"
        "vintage's model.",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
    )
    for name in ("origin", ""):
        table.add_column(name, no_wrap=True)
    for name in ("days", "RMSPE", "backtest", "4 weeks", "bias", "80%", "95%", "skill"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.vintages.head(_VINTAGES_SHOWN).iter_rows(named=True):
        table.add_row(
            str(row["forecast_origin"]),
            "shadow" if row["forecast_kind"] == "shadow" else "",
            str(row["days"]),
            f"{row['rmspe']:.4f}",
            _number(row["backtest_rmspe"]),
            f"{row['rolling_rmspe']:.4f}",
            f"{row['bias']:+.1%}",
            *(_share(row[name]) for name in _SHARES),
        )
    table.add_section()
    newest = report.vintages.row(0, named=True)
    expected = (_share(newest[f"backtest_{name}"]) for name in _SHARES)
    table.add_row("backtest", "", "", _number(newest["backtest_rmspe"]), "", "", "", *expected)
    return table


def _number(value: float | None) -> str:
    """Format a number with four decimals; a dash for None."""
    return "-" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    """Format a share as a percentage; a dash for None."""
    return "-" if value is None else f"{value:.1%}"
