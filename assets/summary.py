"""What ``rossmann refresh`` says at the end: what was published, where it is, and what next."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from rossmann_ml.publish.summary import Summary
from rossmann_ml.serving.status import Status


def print_summary(
    console: Console,
    summary: Summary,
    *,
    is_new: bool,
    seconds: Mapping[str, float],
    total_seconds: float,
    peak_gigabytes: float,
) -> None:
    """Print it.

    Args:
        console: Where to.
        summary: The current generation.
        is_new: Whether this command published it.
        seconds: Of each step, by title.
        total_seconds: From the command's start.
        peak_gigabytes: Of memory.
    """
    info = summary.info
    console.print()
    timings = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    timings.add_column("step")
    timings.add_column("seconds", justify="right")
    for title, took in seconds.items():
        timings.add_row(title, f"{took:.1f}")
    timings.add_row("[bold]whole command[/]", f"[bold]{total_seconds:.1f}[/]")
    console.print(timings)
    console.print(f"Peak memory {peak_gigabytes:.2f} GB")
    console.print()
    if is_new:
        console.print(f"[bold green]Published[/] generation [bold]{info.generation_id}[/]")
    else:
        console.print(f"Nothing changed: generation [bold]{info.generation_id}[/] stays current")
    facts = {
        "data": f"{info.data_set_name}" + (", which is synthetic" if info.is_synthetic else ""),
        "forecast": f"{summary.stores:,} stores, {summary.days} days from {summary.first_day} to "
        f"{summary.last_day}, origin {info.forecast_origin}",
        "model": info.model_version,
        "accuracy": _accuracy(summary),
        "file": str(summary.path),
    }
    for name, value in facts.items():
        console.print(f"  {name:<9} {value}", soft_wrap=True)
    console.print()
    console.print("What next:")
    for line in (
        "rossmann dashboard",
        f"rossmann api    then: curl http://127.0.0.1:8000/stores/{summary.first_store}/forecast",
        'rossmann sql "SELECT * FROM forecast_totals LIMIT 10"',
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)
    if summary.profile == "fast":
        console.print()
        console.print(
            "The model is of the profile fast, for a first look. To train fully (the better part "
            "of an hour, and it may be interrupted):",
            soft_wrap=True,
        )
        console.print("  rossmann refresh --retrain full", soft_wrap=True, markup=False)


def print_alerts(console: Console, status: Status) -> None:
    """Print the alerts that are open, and whether they ask for a training."""
    if status.alerts:
        console.print()
        console.print("[bold]Alerts that are open:[/]")
    for alert in status.alerts:
        said = f"  {alert.severity}: {alert.rule} ({alert.subject}): {alert.message}"
        console.print(said, soft_wrap=True, markup=False)
    if status.retraining_advice is not None:
        console.print()
        console.print("Advice: train a challenger now, because of", soft_wrap=True)
        console.print(f"  {status.retraining_advice}", soft_wrap=True, markup=False)
        console.print("  rossmann refresh --retrain full", soft_wrap=True, markup=False)


def _accuracy(summary: Summary) -> str:
    if summary.rmspe is None:
        return "no backtest"
    return (
        f"RMSPE {summary.rmspe:.4f}, the median of {summary.backtest_origins} backtest origins "
        f"(seasonal naive {summary.rmspe_seasonal_naive:.4f}, median by store, weekday and promo "
        f"{summary.rmspe_median:.4f})"
    )
