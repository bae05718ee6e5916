"""Split the newest forecasts into the contributions of drivers, such as promotion or season."""

import dagster as dg

from assets.features import CORE, scoring_panel
from assets.forecasts import FORECASTS
from assets.metadata import OWNERS, named_values, reported, table_metadata
from assets.resources import Writer, run_of
from rossmann_ml.pipeline.steps import EXPLAIN


@dg.asset(
    key=["forecasting", "forecast_drivers"],
    deps=[scoring_panel, FORECASTS, *CORE],
    group_name="forecast",
    owners=OWNERS,
    kinds={"polars", "duckdb"},
    tags={"layer": "forecast"},
    description=(
        "Contribution of weekday, promotion, holidays, season, trend and competition to each "
        "forecast of an open day, compared with the store's typical day. The parts add up to the "
        "forecast. One row per origin, store and target date."
    ),
    metadata=table_metadata("forecasting.forecast_drivers"),
)
def forecast_drivers(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Compute and store the drivers of the newest forecasts, unless they are stored already."""
    report = EXPLAIN(writer.session(context), run_of(context))
    largest = max(report.mean_absolute_log, key=report.mean_absolute_log.__getitem__)
    return dg.MaterializeResult(
        metadata=reported(
            f"{report.store_days:,} open store-days explained, largest driver {largest}, "
            f"{'new' if report.is_new else 'unchanged'}",
            **{"dagster/row_count": report.store_days},
            forecast_origin=report.forecast_origin,
            model_version=report.model_version,
            run_id=report.run_id,
            is_new=report.is_new,
            seconds=report.seconds,
            mean_absolute_log=named_values(report.mean_absolute_log),
        )
    )
