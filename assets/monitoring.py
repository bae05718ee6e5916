"""Measure the drift of data, forecasts and errors before the forecasts are published."""

import dagster as dg

from assets.features import CORE, scoring_panel
from assets.forecasts import FORECASTS
from assets.metadata import path_below, reported, stored, table
from assets.resources import Writer
from rossmann_ml.monitoring.drift.measure import as_rows, measure_drift
from rossmann_ml.warehouse.connection import utc_now

# after the marts, so that a run that fails there records no drift
_AFTER = dg.AssetKey(["marts", "daily_sales"])


@dg.asset(
    **stored("monitoring.drift_metrics", "monitoring", {"python", "duckdb"}),
    deps=[scoring_panel, FORECASTS, *CORE, _AFTER],
    description=(
        "Distance of plan, features, the newest week's sales and the forecasts from the same "
        "season of the year before, by Evidently, and the errors of that week's forecasts. "
        "One row per origin, kind and feature."
    ),
)
def drift_metrics(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Measure the drift of the newest origin and write Evidently's pages."""
    settings = writer.settings
    report = measure_drift(writer.session(context), run_id=context.run.run_id)
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
            report,
            **{"dagster/row_count": len(report.metrics)},
            drifted=len(report.drifted),
            metrics=table(
                rows.select("kind", "feature", "value", "threshold", "is_drifted", "detail")
            ),
            **{f"{name}_page": path_below(settings, page) for name, page in report.pages.items()},
        )
    )
