"""Build the feature panels: one to train on, one of the days to forecast."""

from typing import Any

import dagster as dg

from assets.metadata import reported, stored
from assets.resources import Training, Writer
from rossmann_ml.features.panels import PanelReport, build_training_panel
from rossmann_ml.forecasting.score import build_scoring_panel

CORE = [
    dg.AssetKey(["core", name])
    for name in ("dim_store", "fct_daily_sales", "sales_versions", "store_plan", "horizon_plan")
]


@dg.asset(
    **stored("features.training_panel", "features", {"polars", "duckdb"}),
    deps=CORE,
    description=(
        "Training rows: plan and history features as of many past origins, with the actual sales. "
        "One row per origin, store and target date."
    ),
)
def training_panel(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> dg.MaterializeResult:
    """Build the panel of the profile's origins."""
    report = build_training_panel(writer.session(context), profile=training.profile)
    return dg.MaterializeResult(metadata=_reported(report))


@dg.asset(
    **stored("features.scoring_panel", "features", {"polars", "duckdb"}),
    deps=CORE,
    description=(
        "Days to forecast, with the same features as of the newest origin. One row per store and "
        "target date."
    ),
)
def scoring_panel(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Build the panel of the newest origin."""
    report = build_scoring_panel(writer.session(context))
    return dg.MaterializeResult(metadata=_reported(report))


def _reported(report: PanelReport) -> dict[str, Any]:
    origins = f"{report.origins} origins to" if report.origins > 1 else "origin"
    return reported(
        f"{report.rows:,} rows of {report.features} features, {origins} {report.forecast_origin}",
        report,
        **{"dagster/row_count": report.rows},
        rows_per_second=report.rows / max(report.seconds, 1e-3),
    )
