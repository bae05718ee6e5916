"""Measure drift in data, forecasts and errors before the forecasts are published."""

import dagster as dg

from assets.features import CORE, scoring_panel
from assets.forecasts import FORECASTS
from assets.metadata import OWNERS, path_below, reported, table, table_metadata
from assets.resources import Writer, run_of
from rossmann_ml.monitoring.drift.measure import as_rows
from rossmann_ml.pipeline.steps import DRIFT
from rossmann_ml.warehouse.connection import utc_now

# after the marts, so that a run that fails there records no drift
_AFTER = dg.AssetKey(["marts", "daily_sales"])


@dg.asset(
    key=["monitoring", "drift_metrics"],
    deps=[scoring_panel, FORECASTS, *CORE, _AFTER],
    group_name="monitoring",
    owners=OWNERS,
    kinds={"python", "duckdb"},
    tags={"layer": "monitoring"},
    description=(
        "Distance of plan, features, the newest week's sales and the forecasts from the same "
        "season of the year before, by Evidently, and the errors of that week's forecasts. "
        "One row per origin, kind and feature."
    ),
    metadata=table_metadata("monitoring.drift_metrics"),
)
def drift_metrics(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Measure drift at the newest forecast origin, and write Evidently's HTML reports."""
    settings = writer.settings
    report = DRIFT(writer.session(context), run_of(context))
    drifted = ", ".join(f"{each.kind}.{each.feature}" for each in report.drifted)
    rows = as_rows(
        report.metrics,
        run_id=context.run.run_id,
        forecast_origin=report.forecast_origin,
        computed_at=utc_now(),
    )
    return dg.MaterializeResult(
        metadata=reported(
            f"{len(report.metrics)} measures, "
            + (f"{len(report.drifted)} drifted: {drifted}" if drifted else "nothing drifted"),
            **{"dagster/row_count": len(report.metrics)},
            forecast_origin=report.forecast_origin,
            drifted=len(report.drifted),
            metrics=table(
                rows.select("kind", "feature", "value", "threshold", "is_drifted", "detail")
            ),
            seconds=report.seconds,
            **{f"{name}_page": path_below(settings, page) for name, page in report.pages.items()},
        )
    )
