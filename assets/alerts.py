"""Evaluate the alert rules once per run, and show each rule as a check on its asset."""

from collections.abc import Iterator, Mapping

import dagster as dg

from assets.forecasts import FORECASTS
from assets.metadata import reported, stored
from assets.monitoring import drift_metrics
from assets.resources import Writer
from rossmann_ml.monitoring.alerts.watch import open_alerts, watch

ALERTS = dg.AssetKey(["monitoring", "alerts"])
_PUBLISHED = dg.AssetKey(["published", "generation"])

# The asset on which each rule is shown; rules about no other asset are shown on the alerts.
_CONCERNED: Mapping[str, dg.AssetKey] = {
    "accuracy": dg.AssetKey(["marts", "forecast_accuracy"]),
    "coverage": dg.AssetKey(["marts", "forecast_accuracy"]),
    "drift": drift_metrics.key,
    "stale_data": dg.AssetKey(["raw", "sales"]),
    "failed_checks": ALERTS,
    "refresh_late": FORECASTS,
    "stores_not_forecast": dg.AssetKey(["forecasting", "stores_not_forecast"]),
    "champion_old": FORECASTS,
}


@dg.asset(
    **stored("monitoring.alerts", "monitoring", {"duckdb"}),
    deps=[
        FORECASTS,
        drift_metrics,
        _CONCERNED["accuracy"],
        _CONCERNED["stores_not_forecast"],
    ],
    description=(
        "Alerts by the rules of params.yaml, sent by webhook and e-mail where these are set up. "
        "One row per alert, from when it was raised to when it was resolved."
    ),
)
def alerts(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Evaluate all rules, record and send alerts; a failed delivery does not fail the step."""
    is_publishing = _PUBLISHED in context.job_def.asset_layer.executable_asset_keys
    report = watch(writer.session(context), run_id=context.run.run_id, is_publishing=is_publishing)
    for each in report.open:
        context.log.warning(f"{each.severity}: {each.rule} ({each.subject}): {each.message}")
    return dg.MaterializeResult(
        metadata=reported(
            report.summary(),
            report,
            open=len(report.open),
            not_judged=", ".join(report.unjudged) or None,
            deliveries="; ".join(map(str, report.deliveries)) or None,
        )
    )


@dg.multi_asset_check(
    name="alert_checks",
    specs=[
        dg.AssetCheckSpec(
            f"{rule}_alerts",
            asset=key,
            additional_deps=[] if key == ALERTS else [ALERTS],
            description=f"The rule {rule} of params.yaml (monitoring.alerts) has no open alert.",
        )
        for rule, key in _CONCERNED.items()
    ],
    can_subset=True,
)
def alert_checks(
    context: dg.AssetCheckExecutionContext, writer: Writer
) -> Iterator[dg.AssetCheckResult]:
    """Report each rule as a check that fails while it has an open alert; none of them blocks."""
    with writer.session(context).reading() as connection:
        still_open = open_alerts(connection)
    for key in context.selected_asset_check_keys:
        found = [each for each in still_open if f"{each.rule}_alerts" == key.name]
        is_critical = any(each.severity == "critical" for each in found)
        messages = [f"{each.subject}: {each.message}" for each in found]
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not found,
            severity=dg.AssetCheckSeverity.ERROR if is_critical else dg.AssetCheckSeverity.WARN,
            description="\n".join(messages) or "no open alert",
            metadata={each.subject: each.link for each in found},
        )
