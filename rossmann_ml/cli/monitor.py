"""Command ``rossmann monitor``: measure accuracy of the forecasts and drift of the data."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.output import narrow_table
from rossmann_ml.monitoring.accuracy import AccuracyReport, measure_accuracy
from rossmann_ml.monitoring.drift.measure import measure_drift
from rossmann_ml.warehouse.session import Session

_VINTAGES_SHOWN = 20
_KINDS = {"served": "", "backfilled": "backfill", "shadow": "shadow"}
_SHARES = ("coverage_80", "coverage_95", "skill")
_RANKINGS = {"relative": "by relative error", "eur": "by error in EUR"}


def monitor() -> None:
    """Compare forecasts with actual sales, and the newest data with earlier data.

    The results are stored in the warehouse; readers see them after the next `rossmann publish`.
    Evidently's HTML reports are in the state folder.
    """
    console = Console()
    with console.status("Comparing forecasts with actual sales"):
        report = measure_accuracy(Session(default_settings()))
    print_accuracy(console, report)
    show_drift(console)


def print_accuracy(console: Console, report: AccuracyReport) -> None:
    """Print a table of the vintages, then the reasons for the largest errors of the last 28 days.

    The reasons are in two lines: one for the store-days with the largest relative errors, one
    for those with the largest errors in EUR, 200 at most in each. A line has the number of
    store-days per reason. Without any vintage that has actuals, only a message is printed.
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
    """Return the message why accuracy cannot be measured: there are no forecasts, or no actuals."""
    if report.newest_origin is None:
        return "Accuracy: there are no forecasts yet; run `rossmann refresh`."
    return (
        "Accuracy: no forecast day has actual sales yet. The newest origin is "
        f"{report.newest_origin}, the newest sales are of {report.newest_sales_date}; accuracy "
        "can be measured when sales of a day after an origin have been landed."
    )


def vintage_table(report: AccuracyReport) -> Table:
    """Build a table of accuracy, one row per vintage, newest origin first, 20 vintages at most.

    The columns are the number of days with actuals, RMSPE, the model's RMSPE in its backtest, RMSPE
    over the origins of four weeks, bias of totals, coverage of both intervals, and skill. The last
    row is the backtest of the newest vintage's model, for comparison.
    """
    table = narrow_table(
        f"Forecasts as first served, against sales up to {report.newest_sales_date}, on open "
        "days.\nSkill: compared with seasonal naive at the origin. 4 weeks: RMSPE of this\n"
        "origin and those of the 27 days before. Last row: backtest of the newest\n"
        "vintage's model. Nobody was given forecasts of a backfill. Bias: of the\n"
        "unbiased total; daily forecasts are lower on purpose, see forecast_accuracy.",
        left=("origin", ""),
        right=("days", "RMSPE", "backtest", "4 weeks", "bias", "80%", "95%", "skill"),
    )
    for row in report.vintages.head(_VINTAGES_SHOWN).iter_rows(named=True):
        table.add_row(
            str(row["forecast_origin"]),
            _KINDS[row["forecast_kind"]],
            str(row["days"]),
            f"{row['rmspe']:.4f}",
            _number(row["backtest_rmspe"]),
            f"{row['rolling_rmspe']:.4f}",
            "-" if row["total_bias"] is None else f"{row['total_bias']:+.1%}",
            *(_share(row[name]) for name in _SHARES),
        )
    table.add_section()
    newest = report.vintages.row(0, named=True)
    expected = (_share(newest[f"backtest_{name}"]) for name in _SHARES)
    table.add_row("backtest", "", "", _number(newest["backtest_rmspe"]), "", "", "", *expected)
    return table


def show_drift(console: Console) -> None:
    """Measure drift at the newest origin; print every measure and the paths of the HTML reports."""
    run_id = f"monitor-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with console.status("Measuring drift"):
        report = measure_drift(Session(default_settings()), run_id=run_id)
    title = f"Drift at {report.forecast_origin}"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("what", "compared with", "value", "threshold", "verdict", "what moved"):
        is_number = heading in ("value", "threshold")
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for metric in report.metrics:
        table.add_row(
            f"{metric.kind}: {metric.feature}",
            f"{metric.reference_from} on" if metric.reference_from else "",
            f"{metric.value:.3g}",
            f"{metric.threshold:.3g}",
            "[bold red]drifted[/]" if metric.is_drifted else "[green]ok[/]",
            escape(metric.detail or ""),
        )
    console.print(table)
    console.print(f"{len(report.drifted)} of {len(report.metrics)} measures drifted.")
    for name, page in report.pages.items():
        console.print(f"Page of {name}: {page}", markup=False, soft_wrap=True)


def _number(value: float | None) -> str:
    """Format a number with four decimals; a dash for None."""
    return "-" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    """Format a share as a percentage with one decimal; a dash for None."""
    return "-" if value is None else f"{value:.1%}"
