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
from rossmann_ml.warehouse.connection import one_row, read_frame

# Training origins lie two weeks apart, so that one of them is this near a year ago.
_NEAR_A_YEAR_AGO_DAYS = 10
# a vintage this much older shares two weeks of the horizon; older ones are not compared
_PREVIOUS_VINTAGE_DAYS = 28

_SALES = """
    SELECT store_id, coalesce(state, 'unknown') AS state, sales_date AS day, sales, customers,
        is_open, is_promo, state_holiday
    FROM core.fct_daily_sales
    JOIN core.dim_store USING (store_id)
    WHERE is_observed AND sales_date BETWEEN $first AND $origin
    ORDER BY store_id, day
"""
_PLAN = """
    SELECT store_id, coalesce(state, 'unknown') AS state, day, is_open, is_promo, state_holiday,
        is_school_holiday, plan_source
    FROM (
        SELECT store_id, plan_date AS day, is_open, is_promo, state_holiday, is_school_holiday,
            plan_source
        FROM core.horizon_plan
        WHERE forecast_origin = $origin AND horizon_days <= $horizon_days
        UNION ALL
        SELECT store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday,
            plan_source
        FROM core.store_plan
        WHERE plan_source = 'actual' AND plan_date > $origin::DATE - 365 AND plan_date <= $origin
    )
    JOIN core.dim_store USING (store_id)
    ORDER BY store_id, day
"""
_FEATURES = f"""
    SELECT DISTINCT ON (store_id) store_id, {", ".join(FEATURE_COLUMNS)}
    FROM features.{{panel}} WHERE forecast_origin = $origin
    ORDER BY store_id, target_date
"""  # noqa: S608 - names come from the code
_FORECASTS = """
    SELECT store_id, target_date, sales_forecast
    FROM forecasting.forecasts
    WHERE forecast_origin = $origin AND is_open AND sales_forecast > 0
    ORDER BY store_id, target_date
"""
_CAME_TRUE = """
    SELECT forecast.sales_forecast, actual.sales
    FROM forecasting.forecasts AS forecast
    JOIN core.fct_daily_sales AS actual
        ON actual.store_id = forecast.store_id AND actual.sales_date = forecast.target_date
    WHERE forecast.forecast_origin = $vintage
        AND forecast.target_date BETWEEN $first AND $origin
        AND forecast.is_open AND actual.sales > 0
    ORDER BY forecast.store_id, forecast.target_date
"""


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
    sales = read_frame(connection, _SALES, {"origin": origin, "first": first})
    plan = read_frame(connection, _PLAN, {"origin": origin, "horizon_days": horizon_days})
    horizon = Window(origin + timedelta(days=1), origin + timedelta(days=horizon_days))
    week = Window(origin - timedelta(days=WEEK_DAYS - 1), origin)
    planned = plan.filter(horizon.has("day"))
    vintage = _newest_vintage(
        connection, first=origin - timedelta(days=horizon_days), last=week.first - timedelta(days=1)
    )
    came_true = (
        pl.DataFrame(schema={"sales_forecast": pl.Float64, "sales": pl.Float64})
        if vintage is None
        else read_frame(
            connection, _CAME_TRUE, {"vintage": vintage, "first": week.first, "origin": origin}
        )
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
        row = one_row(
            connection,
            """
            SELECT forecast_origin FROM features.training_panel
            WHERE abs(forecast_origin - $wanted::DATE) <= $near
            ORDER BY abs(forecast_origin - $wanted::DATE), forecast_origin LIMIT 1
            """,
            {"wanted": wanted, "near": _NEAR_A_YEAR_AGO_DAYS},
        )
        if row is None:
            return []
        now = read_frame(connection, _FEATURES.format(panel="scoring_panel"), {"origin": origin})
    except duckdb.CatalogException:  # nothing trained or scored yet
        return []
    (year_ago,) = row
    then = read_frame(connection, _FEATURES.format(panel="training_panel"), {"origin": year_ago})
    return feature_samples(now, then, origin=origin, reference_origin=year_ago)


def _forecasts(connection: duckdb.DuckDBPyConnection, origin: date) -> list[Sample]:
    previous = _newest_vintage(
        connection,
        first=origin - timedelta(days=_PREVIOUS_VINTAGE_DAYS),
        last=origin - timedelta(days=1),
    )
    if previous is None:
        return []
    now, then = (
        read_frame(connection, _FORECASTS, {"origin": each}) for each in (origin, previous)
    )
    return forecast_samples(now, then)


def _newest_vintage(
    connection: duckdb.DuckDBPyConnection, *, first: date, last: date
) -> date | None:
    """The newest origin with forecasts among some days."""
    ((newest,),) = connection.execute(
        """
        SELECT max(forecast_origin) FROM forecasting.forecasts
        WHERE forecast_origin BETWEEN $first AND $last
        """,
        {"first": first, "last": last},
    ).fetchall()
    return newest  # type: ignore[no-any-return]
