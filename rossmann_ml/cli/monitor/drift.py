"""Print the drift section of ``rossmann monitor``."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rossmann_ml.base.settings import default_settings
from rossmann_ml.monitoring.drift.measure import DriftReport, measure_drift
from rossmann_ml.warehouse.session import Session


def show_drift(console: Console) -> DriftReport:
    """Measure drift at the newest origin and print every measure.

    Args:
        console: Console for progress and results.

    Raises:
        RossmannError: See :func:`rossmann_ml.monitoring.drift.measure.measure_drift`.
    """
    settings = default_settings()
    run_id = f"monitor-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with console.status("Measuring drift"):
        report = measure_drift(Session(settings), run_id=run_id)
    table = Table(box=SIMPLE_HEAD, title=f"Drift at {report.forecast_origin}", title_justify="left")
    for heading in ("what", "compared with", "value", "threshold", "verdict", "what moved"):
        is_number = heading in ("value", "threshold")
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for metric in report.metrics:
        since = f"{metric.reference_from} on" if metric.reference_from else ""
        table.add_row(
            f"{metric.kind}: {metric.feature}",
            since,
            f"{metric.value:.3g}",
            f"{metric.threshold:.3g}",
            "[bold red]drifted[/]" if metric.is_drifted else "[green]ok[/]",
            escape(metric.detail or ""),
        )
    console.print(table)
    console.print(f"{len(report.drifted)} of {len(report.metrics)} measures drifted.")
    for name, page in report.pages.items():
        console.print(f"Page of {name}: {page}", markup=False, soft_wrap=True)
    return report
