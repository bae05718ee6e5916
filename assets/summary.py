"""Print the final message of ``rossmann refresh``: what was published, next commands, alerts."""

from __future__ import annotations

from rossmann_ml.base.terminal.console import Console
from rossmann_ml.publish.summary import Summary
from rossmann_ml.serving.status import Status

# Fewer weekly origins say little of other seasons.
_HALF_A_YEAR_WEEKS = 26


def print_summary(console: Console, summary: Summary, *, is_new: bool) -> None:
    """Print the current generation's main figures, and commands to run next.

    The figures are data set, forecast days, unbiased total of the chain with its range, model,
    accuracy in the backtest, and file. If the model was trained with the profile ``fast``, the
    commands include a full training.

    Args:
        console: Terminal to print to.
        summary: Main figures of the current generation.
        is_new: Whether ``rossmann refresh`` made this generation current; if not, the message says
            that nothing changed.
    """
    info = summary.info
    if is_new:
        console.print(f"[bold green]Published[/] generation [bold]{info.generation_id}[/]")
    else:
        console.print(f"Nothing changed: generation [bold]{info.generation_id}[/] stays current")
    facts = {
        "data": info.data_set_name + (", which is synthetic" if info.is_synthetic else ""),
        "forecast": f"{summary.stores:,} stores, {summary.days} days from {summary.first_day} to "
        f"{summary.last_day}, origin {info.forecast_origin}",
        "total": _total(summary),
        "model": info.model_version,
        "accuracy": _accuracy(summary),
        "file": str(summary.path),
    }
    if summary.damaged:
        paths = ", ".join(map(str, summary.damaged))
        facts["damaged"] = f"moved aside; remove when it is examined: {paths}"
    for name, value in facts.items():
        console.print(f"  {name:<9} {value}", soft_wrap=True, markup=False)
    console.print()
    console.print("What next:")
    for line in (
        "rossmann dashboard",
        f"rossmann api    then: curl http://127.0.0.1:8000/stores/{summary.first_store}/forecast",
        'rossmann sql "SELECT * FROM forecast_totals LIMIT 10"',
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)
    if summary.profile == "fast" and summary.backtest_origins < _HALF_A_YEAR_WEEKS:
        console.print()
        console.print(
            "The errors of this model are known from few past origins (profile fast). To fit more "
            "of them (three times as long, and may be interrupted):",
            soft_wrap=True,
        )
        console.print("  rossmann refresh --retrain full", soft_wrap=True, markup=False)


def print_alerts(console: Console, status: Status) -> None:
    """Print the open alerts, then the advice to train a challenger.

    Args:
        console: Terminal to print to.
        status: Status with the alerts and the advice. Without alerts, or without advice, that part
            is not printed.
    """
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


def _total(summary: Summary) -> str:
    if summary.sales_unbiased is None:
        return "not known"
    if summary.lower_80 is None or summary.upper_80 is None:
        return f"{summary.sales_unbiased:,.0f} EUR"
    return (
        f"{summary.sales_unbiased:,.0f} EUR, 80% range {summary.lower_80:,.0f} to "
        f"{summary.upper_80:,.0f} EUR"
    )


def _accuracy(summary: Summary) -> str:
    if summary.rmspe is None:
        return "no backtest"
    return (
        f"RMSPE {summary.rmspe:.4f}, the median of {summary.backtest_origins} backtest origins "
        f"(seasonal naive {summary.rmspe_seasonal_naive:.4f}, median by store, weekday and promo "
        f"{summary.rmspe_median:.4f})"
    )
