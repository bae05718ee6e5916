"""Build two feature tables (panels): one to train on, and one with the days to forecast."""

from typing import Any

import dagster as dg

from assets.metadata import COLUMNS, OWNERS, columns_of, reported, table_metadata
from assets.resources import Training, Writer, run_of
from rossmann_ml.features.panels import PanelReport
from rossmann_ml.pipeline import steps
from rossmann_ml.warehouse.session import Session

CORE = [
    dg.AssetKey(["core", name])
    for name in ("dim_store", "fct_daily_sales", "sales_versions", "store_plan", "horizon_plan")
]


@dg.asset(
    key=["features", "training_panel"],
    deps=CORE,
    group_name="features",
    owners=OWNERS,
    kinds={"polars", "duckdb"},
    tags={"layer": "features"},
    description=(
        "Training rows: plan and history features as of many past origins, with the actual sales. "
        "One row per origin, store and target date."
    ),
    metadata=table_metadata("features.training_panel"),
)
def training_panel(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> dg.MaterializeResult:
    """Build the panel to train on; the training profile sets how many past origins it contains."""
    report = steps.TRAINING_PANEL(writer.session(context), run_of(context, training.profile))
    return dg.MaterializeResult(metadata=_reported(writer.session(context), context, report))


@dg.asset(
    key=["features", "scoring_panel"],
    deps=CORE,
    group_name="features",
    owners=OWNERS,
    kinds={"polars", "duckdb"},
    tags={"layer": "features"},
    description=(
        "Days to forecast, with the same features as of the newest origin. One row per store and "
        "target date."
    ),
    metadata=table_metadata("features.scoring_panel"),
)
def scoring_panel(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Build the panel with the days to forecast from the newest origin."""
    report = steps.SCORING_PANEL(writer.session(context), run_of(context))
    return dg.MaterializeResult(metadata=_reported(writer.session(context), context, report))


def _reported(
    session: Session, context: dg.AssetExecutionContext, report: PanelReport
) -> dict[str, Any]:
    with session.reading() as connection:
        columns = columns_of(connection, "features")[".".join(context.asset_key.path)]
    origins = f"{report.origins} origins" if report.origins > 1 else "origin"
    return reported(
        f"{report.rows:,} rows of {report.features} features, {origins} to {report.forecast_origin}"
        if report.origins > 1
        else f"{report.rows:,} rows of {report.features} features, origin {report.forecast_origin}",
        **{"dagster/row_count": report.rows, COLUMNS: columns},
        forecast_origin=report.forecast_origin,
        origins=report.origins,
        features=report.features,
        seconds=report.seconds,
        rows_per_second=report.rows / max(report.seconds, 1e-3),
    )
