"""Explain the newest forecasts by their drivers."""

import dagster as dg

from assets.features import CORE, scoring_panel
from assets.forecasts import FORECASTS
from assets.metadata import named_values, reported, stored
from assets.resources import Writer
from rossmann_ml.forecasting.drivers.record import explain_newest_origin


@dg.asset(
    **stored("forecasting.forecast_drivers", "forecast", {"polars", "duckdb"}),
    deps=[scoring_panel, FORECASTS, *CORE],
    description=(
        "Contribution of weekday, promotion, holidays, season, trend and competition to each "
        "forecast of an open day, compared with the store's typical day. The parts add up to the "
        "forecast. One row per origin, store and target date."
    ),
)
def forecast_drivers(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Explain the newest forecasts; the same forecasts are not explained twice."""
    report = explain_newest_origin(writer.session(context))
    largest = max(report.mean_absolute_log, key=report.mean_absolute_log.__getitem__)
    return dg.MaterializeResult(
        metadata=reported(
            f"{report.store_days:,} open store-days explained, largest driver {largest}, "
            f"{'new' if report.is_new else 'unchanged'}",
            report,
            **{"dagster/row_count": report.store_days},
            mean_absolute_log=named_values(report.mean_absolute_log),
        )
    )
