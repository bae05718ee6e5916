"""Read the data that drift measures compare at one origin: sales, plan, features, forecasts.

Entry point: :func:`read_drift_data`. See
:mod:`rossmann_ml.monitoring.drift.windows` for building pairs of values to compare, and
:mod:`rossmann_ml.monitoring.drift.stores` for single stores.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import polars as pl

from rossmann_ml.monitoring.drift.sales_weeks import SALES_HISTORY_DAYS, sales_samples
from rossmann_ml.monitoring.drift.windows import (
    FEATURE_COLUMNS,
    WEEK_DAYS,
    YEAR_DAYS,
    Sample,
    Window,
    feature_samples,
    forecast_samples,
    plan_samples,
)
from rossmann_ml.warehouse.tables import core, features, forecasting

# Training origins are two weeks apart, so that one is this close to a year ago.
_NEAR_A_YEAR_AGO_DAYS = 10
# a vintage this much older still shares two weeks of the horizon
_PREVIOUS_VINTAGE_DAYS = 28


@dataclass(frozen=True)
class DriftData:
    """Data that :func:`read_drift_data` read for the drift measures of one origin.

    Attributes:
        horizon: Forecast days after the origin.
        newest_week: Seven days, the last of them the origin.
        sales: Store-days with a sales row, from ``SALES_HISTORY_DAYS`` (434) before the origin to
            the origin: ``store_id, state, day, sales`` (EUR), ``customers, is_open, is_promo,
            state_holiday``.
        samples: Current and reference values, one sample for each compared feature.
        assumed_share: Share of the horizon's store-days whose plan is assumed: no plan file
            contains them, so that dbt filled them by rule.
        actuals: ``sales_forecast, sales`` in EUR, one row per open store-day of the newest week
            with sales. The forecasts are from the newest vintage that covers the whole week; empty
            without such a vintage.
        vintage: Origin of the vintage in ``actuals``; None without such a vintage.
    """

    horizon: Window
    newest_week: Window
    sales: pl.DataFrame
    samples: list[Sample]
    assumed_share: float
    actuals: pl.DataFrame
    vintage: date | None


def read_drift_data(
    connection: duckdb.DuckDBPyConnection, *, origin: date, horizon_days: int
) -> DriftData:
    """Read the data that the drift measures of an origin compare.

    A comparison is left out while its data does not exist yet: a year of history, a training panel,
    or an earlier vintage.

    Args:
        connection: Connection to the pipeline's database.
        origin: Newest forecast origin; the plan after it must exist.
        horizon_days: Number of forecast days after the origin.
    """
    first = origin - timedelta(days=SALES_HISTORY_DAYS)
    sales = core.daily_sales(connection, first=first, last=origin)
    plan = core.plan_of_a_year(connection, origin=origin, horizon_days=horizon_days)
    horizon = Window(origin + timedelta(days=1), origin + timedelta(days=horizon_days))
    week = Window(origin - timedelta(days=WEEK_DAYS - 1), origin)
    planned = plan.filter(horizon.has("day"))
    vintage = forecasting.newest_origin_between(
        connection, origin - timedelta(days=horizon_days), week.first - timedelta(days=1)
    )
    forecasts = forecasting.forecasts(connection, vintage or date.min).filter("is_open")
    actual = sales.filter(week.has("day"), pl.col("sales") > 0)
    return DriftData(
        horizon=horizon,
        newest_week=week,
        sales=sales,
        samples=[
            # a store that rests or has not opened yet has no plan that could have drifted
            *plan_samples(
                plan.filter(pl.col("plan_source") != "not_selling"),
                origin=origin,
                horizon_days=horizon_days,
            ),
            *_features(connection, origin),
            *sales_samples(sales, last_day=origin),
            *_forecasts(connection, origin),
        ],
        assumed_share=planned.select((pl.col("plan_source") == "assumed").mean()).item() or 0.0,
        actuals=forecasts.join(
            actual.select("store_id", "sales", target_date="day"),
            on=["store_id", "target_date"],
            maintain_order="left",
        ).select("sales_forecast", "sales"),
        vintage=vintage,
    )


def _features(connection: duckdb.DuckDBPyConnection, origin: date) -> list[Sample]:
    """Return one sample per feature: values at the origin and at an origin about a year before.

    A sample has one value per store, because the features in ``FEATURE_COLUMNS`` are the same for
    all target days of an origin. The earlier values are from the training panel, at its origin
    nearest to 364 days before. The list is empty if that origin is more than ten days off, or if
    no training or no scoring has run yet.
    """
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
    except duckdb.CatalogException:  # no training or scoring has run yet
        return []
    return feature_samples(now, then, origin=origin, reference_origin=year_ago)


def _forecasts(connection: duckdb.DuckDBPyConnection, origin: date) -> list[Sample]:
    """Return the sample that compares the origin's forecasts with those of the previous vintage.

    The previous vintage is the newest with an earlier origin. The list is empty if that origin is
    more than 28 days before ``origin``, or if the two vintages have no open store-day in common.
    """
    previous = forecasting.newest_origin_between(
        connection, origin - timedelta(days=_PREVIOUS_VINTAGE_DAYS), origin - timedelta(days=1)
    )
    if previous is None:
        return []
    now, then = (
        forecasting.forecasts(connection, each).filter("is_open", pl.col("sales_forecast") > 0)
        for each in (origin, previous)
    )
    return forecast_samples(now, then)
