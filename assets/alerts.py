"""Evaluate the alert rules once per run; show each rule as a check on the asset that it judges."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import dagster as dg

from assets.forecasts import FORECASTS
from assets.metadata import OWNERS, named_values, reported, table_metadata
from assets.monitoring import drift_metrics
from assets.resources import Writer, run_of
from rossmann_ml.monitoring.alerts.watch import open_alerts
from rossmann_ml.pipeline.steps import ALERT_RULES
from rossmann_ml.serving.status import OpenAlert

ALERTS = dg.AssetKey(["monitoring", "alerts"])
_PUBLISHED = dg.AssetKey(["published", "generation"])

# The asset on which each rule is shown; rules about no other asset are shown on the alerts.
_CONCERNED: Mapping[str, dg.AssetKey] = {
    "accuracy": dg.AssetKey(["marts", "forecast_accuracy"]),
    "coverage": dg.AssetKey(["marts", "forecast_accuracy"]),
    "drift": drift_metrics.key,
    "input_data": dg.AssetKey(["core", "expected_reports"]),
    "stale_data": dg.AssetKey(["raw", "sales"]),
    "failed_checks": ALERTS,
    "refresh_late": FORECASTS,
    "stores_not_forecast": dg.AssetKey(["forecasting", "stores_not_forecast"]),
    "champion_old": FORECASTS,
}


@dg.asset(
    key=ALERTS,
    deps=[
        FORECASTS,
        drift_metrics,
        _CONCERNED["accuracy"],
        _CONCERNED["stores_not_forecast"],
    ],
    group_name="monitoring",
    owners=OWNERS,
    kinds={"duckdb"},
    tags={"layer": "monitoring"},
    description=(
        "Alerts by the rules of params.yaml, sent by webhook and e-mail where these are set up. "
        "One row per alert, from when it was raised to when it was resolved."
    ),
    metadata=table_metadata("monitoring.alerts"),
)
def alerts(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Evaluate all alert rules, upsert ``monitoring.alerts``, and send the alerts that are due.

    An alert that cannot be sent does not fail the step; the next evaluation sends it again.
    """
    is_publishing = _PUBLISHED in context.job_def.asset_layer.executable_asset_keys
    run = replace(run_of(context), is_publishing=is_publishing)
    report = ALERT_RULES(writer.session(context), run)
    for each in report.open:
        context.log.warning(f"{each.severity}: {each.rule} ({each.subject}): {each.message}")
    return dg.MaterializeResult(
        metadata=reported(
            report.summary(),
            open=len(report.open),
            raised=report.raised,
            resolved=report.resolved,
            not_judged=", ".join(report.unjudged) or None,
            deliveries="; ".join(map(str, report.deliveries)) or None,
            retraining_advice=report.retraining_advice,
            alerts=named_values(
                {
                    f"{each.severity}: {each.rule}, {each.subject}": each.message
                    for each in report.open
                }
            )
            if report.open
            else None,
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
    """Yield one check result per alert rule: failed while the rule has an open alert, else passed.

    These checks are not blocking, so the steps after a failed check still run.
    """
    with writer.session(context).reading() as connection:
        still_open = open_alerts(connection)
    for key in context.selected_asset_check_keys:
        of_rule = [each for each in still_open if f"{each.rule}_alerts" == key.name]
        yield _check_result(key, of_rule)


def _check_result(key: dg.AssetCheckKey, found: list[OpenAlert]) -> dg.AssetCheckResult:
    is_critical = any(each.severity == "critical" for each in found)
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR if is_critical else dg.AssetCheckSeverity.WARN,
        description="\n".join(f"{each.subject}: {each.message}" for each in found)
        or "no open alert",
        metadata={each.subject: each.link for each in found},
    )
