"""Reading from the warehouse what drift compares: sales, plan, features and forecasts of an origin.

Belongs here: the queries. What is made of the rows is :mod:`rossmann_ml.monitoring.drift.windows`'
and :mod:`rossmann_ml.monitoring.drift.stores`' affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import polars as pl

from rossmann_ml.monitoring.drift.windows import (
    FEATURE_COLUMNS,
    SALES_HISTORY_DAYS,
    WEEK_DAYS,
    YEAR_DAYS,
    Sample,
    Window,
    feature_samples,
    forecast_samples,
    plan_samples,
    sales_samples,
)
from rossmann_ml.warehouse.tables import core, features, forecasting

# Training origins lie two weeks apart, so that one of them is this near a year ago.
_NEAR_A_YEAR_AGO_DAYS = 10
# a vintage this much older shares two weeks of the horizon; older ones are not compared
_PREVIOUS_VINTAGE_DAYS = 28


@dataclass(frozen=True)
class DriftData:
    """What there is to compare at an origin.

    Attributes:
        forecast_origin: The last day whose sales are known.
        horizon: The days after it.
        newest_week: The days up to it.
        sales: Rows of :func:`~rossmann_ml.monitoring.drift.windows.sales_samples`.
        samples: Both sides of every comparison of distributions.
        assumed_share: Of the horizon's store-days, those whose plan was filled by rule.
        came_true: ``sales_forecast, sales`` of the newest week, by the newest vintage that
            forecast all of it; empty without one.
        vintage: That vintage's origin.
    """

    forecast_origin: date
    horizon: Window
    newest_week: Window
    sales: pl.DataFrame
    samples: list[Sample]
    assumed_share: float
    came_true: pl.DataFrame
    vintage: date | None


def read_drift_data(
    connection: duckdb.DuckDBPyConnection, *, origin: date, horizon_days: int
) -> DriftData:
    """Read everything for an origin that has a plan.

    What is not there yet (a year of history, a training panel, an earlier vintage) is left out.

    Args:
        connection: The pipeline's database.
        origin: The newest origin.
        horizon_days: Days forecast from it.
    """
    # a year and more, of which single stores' levels need the last half
    first = origin - timedelta(days=SALES_HISTORY_DAYS)
    sales = core.daily_sales(connection, first=first, last=origin)
    plan = core.plan_of_a_year(connection, origin=origin, horizon_days=horizon_days)
    horizon = Window(origin + timedelta(days=1), origin + timedelta(days=horizon_days))
    week = Window(origin - timedelta(days=WEEK_DAYS - 1), origin)
    planned = plan.filter(horizon.has("day"))
    vintage = forecasting.newest_origin_between(
        connection, origin - timedelta(days=horizon_days), week.first - timedelta(days=1)
    )
    came_true = (
        pl.DataFrame(schema={"sales_forecast": pl.Float64, "sales": pl.Float64})
        if vintage is None
        else _came_true(forecasting.forecasts(connection, vintage), sales, week)
    )
    return DriftData(
        forecast_origin=origin,
        horizon=horizon,
        newest_week=week,
        sales=sales,
        samples=[
            *plan_samples(plan, origin=origin, horizon_days=horizon_days),
            *_features(connection, origin),
            *sales_samples(sales, last_day=origin),
            *_forecasts(connection, origin),
        ],
        assumed_share=planned.select((pl.col("plan_source") == "assumed").mean()).item() or 0.0,
        came_true=came_true,
        vintage=vintage,
    )


def _features(connection: duckdb.DuckDBPyConnection, origin: date) -> list[Sample]:
    """The newest panel's features beside those of the training origin nearest a year ago."""
    wanted = origin - timedelta(days=YEAR_DAYS)
    try:
        year_ago = features.training_origin_near(
            connection, wanted, within_days=_NEAR_A_YEAR_AGO_DAYS
        )
        if year_ago is None:
            return []
        now, then = (
            features.first_rows(connection, panel, origin=each, columns=FEATURE_COLUMNS)
            for panel, each in (("scoring_panel", origin), ("training_panel", year_ago))
        )
    except duckdb.CatalogException:  # nothing trained or scored yet
        return []
    return feature_samples(now, then, origin=origin, reference_origin=year_ago)


def _forecasts(connection: duckdb.DuckDBPyConnection, origin: date) -> list[Sample]:
    previous = forecasting.newest_origin_between(
        connection, origin - timedelta(days=_PREVIOUS_VINTAGE_DAYS), origin - timedelta(days=1)
    )
    if previous is None:
        return []
    now, then = (
        forecasting.forecasts(connection, each)
        .filter("is_open", pl.col("sales_forecast") > 0)
        .drop("is_open")
        for each in (origin, previous)
    )
    return forecast_samples(now, then)


def _came_true(forecasts: pl.DataFrame, sales: pl.DataFrame, week: Window) -> pl.DataFrame:
    """Put the sales of a week beside the forecasts of it."""
    actual = sales.filter(week.has("day"), pl.col("sales") > 0)
    return (
        forecasts.filter("is_open")
        .join(
            actual.select("store_id", "sales", target_date="day"),
            on=["store_id", "target_date"],
            maintain_order="left",
        )
        .select("sales_forecast", "sales")
    )
