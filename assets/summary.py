"""Print the closing words of ``rossmann refresh``: what was published, next commands, alerts."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from rossmann_ml.publish.summary import Summary
from rossmann_ml.serving.status import Status


def print_summary(console: Console, summary: Summary, status: Status, *, is_new: bool) -> None:
    """Print the current generation, the commands to go on with, and the open alerts.

    Args:
        console: Terminal to print to.
        summary: Figures of the current generation.
        status: Open alerts and the advice to train.
        is_new: Whether this command published the generation.
    """
    name = f"generation [bold]{summary.info.generation_id}[/]"
    console.print(
        f"[bold green]Published[/] {name}" if is_new else f"Nothing changed: {name} stays current"
    )
    for line in (*_figures(summary), *_commands(summary), *_alerts(status)):
        console.print(line, soft_wrap=True, markup=False)


def _figures(summary: Summary) -> Iterator[str]:
    info = summary.info
    yield f"  data      {info.data_set_name}" + (", which is synthetic" * info.is_synthetic)
    yield (
        f"  forecast  {summary.stores:,} stores, {summary.days} days from {summary.first_day} to "
        f"{summary.last_day}, origin {info.forecast_origin}"
    )
    yield f"  model     {info.model_version}"
    if summary.rmspe is None:
        yield "  accuracy  no backtest"
    else:
        yield (
            f"  accuracy  RMSPE {summary.rmspe:.4f}, the median of {summary.backtest_origins} "
            f"backtest origins (seasonal naive {summary.rmspe_seasonal_naive:.4f}, median by "
            f"store, weekday and promo {summary.rmspe_median:.4f})"
        )
    yield f"  file      {summary.path}"


def _commands(summary: Summary) -> Iterator[str]:
    yield "\nWhat next:"
    yield "  rossmann dashboard"
    yield (
        f"  rossmann api    then: curl http://127.0.0.1:8000/stores/{summary.first_store}/forecast"
    )
    yield '  rossmann sql "SELECT * FROM forecast_totals LIMIT 10"'
    if summary.profile == "fast":
        yield (
            "\nThe model is of the profile fast, for a first look. To train fully (the better "
            "part of an hour, and it may be interrupted):"
        )
        yield "  rossmann refresh --retrain full"


def _alerts(status: Status) -> Iterator[str]:
    if status.alerts:
        yield "\nAlerts that are open:"
    for alert in status.alerts:
        yield f"  {alert.severity}: {alert.rule} ({alert.subject}): {alert.message}"
    if status.retraining_advice is not None:
        yield "\nAdvice: train a challenger now, because of"
        yield f"  {status.retraining_advice}"
        yield "  rossmann refresh --retrain full"
