"""Build the data of past weeks for the drift checks, with or without a planted shift.

See :mod:`benchmarks.drift` for the measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.base.params import Params
from rossmann_ml.features.inputs import newest_origin, read_inputs
from rossmann_ml.features.panel import FeatureInputs, training_panel
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.monitoring.drift.sales_weeks import SALES_HISTORY_DAYS
from rossmann_ml.monitoring.drift.windows import (
    FEATURE_COLUMNS,
    YEAR_DAYS,
    Sample,
    feature_samples,
    forecast_samples,
)
from rossmann_ml.warehouse.connection import read_frame

WEEK = timedelta(days=7)
_ROWS_SHARE = 0.3  # share of panel rows; every store keeps some
_DAYS = """
    SELECT store_id, coalesce(state, 'unknown') AS state, sales_date AS day, sales, customers,
        is_open, is_promo, state_holiday, is_school_holiday
    FROM core.fct_daily_sales JOIN core.dim_store USING (store_id)
    WHERE is_observed ORDER BY store_id, day
"""
_HORIZON = """
    SELECT store_id, coalesce(state, 'unknown') AS state, plan_date AS day, is_open, is_promo,
        state_holiday, is_school_holiday
    FROM core.horizon_plan JOIN core.dim_store USING (store_id)
    WHERE horizon_days <= $horizon_days ORDER BY store_id, day
"""
WEEKS_WITH_ACTUALS = """
    WITH members AS (
        SELECT data_version, forecast_origin, store_id, target_date,
            exp(avg(log_forecast)) AS forecast
        FROM forecasting.out_of_fold_forecasts GROUP BY ALL
    )
    SELECT forecast_origin, (horizon_days - 1) // 7 AS week, forecast, sales
    FROM members JOIN forecasting.out_of_fold_days
        USING (data_version, forecast_origin, store_id, target_date)
"""
"""Query of out-of-fold forecasts with actuals, by origin and week of the horizon."""


@dataclass
class World:
    """All data, from which each week is selected.

    Attributes:
        days: Store-days with actual sales.
        plan: Plan of the same days and of those after the newest origin.
        newest: Newest forecast origin.
    """

    days: pl.DataFrame
    plan: pl.DataFrame
    newest: date
    inputs: FeatureInputs
    params: Params

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, params: Params) -> World:
        """Read all data from the warehouse."""
        newest = newest_origin(connection)
        days = read_frame(connection, _DAYS)
        horizon = read_frame(connection, _HORIZON, {"horizon_days": params.forecast.horizon_days})
        inputs = read_inputs(connection, params, forecast_origin=newest)
        plan = pl.concat([days.select(horizon.columns), horizon])
        return cls(days, plan, newest, inputs.features, params)

    def weeks(self, first: date) -> list[date]:
        """Return weekly origins from a day on, oldest first."""
        count = (self.newest - first).days // 7 + 1
        return [self.newest - WEEK * number for number in reversed(range(count))]

    def days_for(self, week: date) -> pl.DataFrame:
        """Return the store-days that the checks of a week read."""
        first = week - timedelta(days=SALES_HISTORY_DAYS)
        return self.days.filter(pl.col("day").is_between(first, week))

    def panel(self, origins: Sequence[date], inputs: FeatureInputs | None = None) -> pl.DataFrame:
        """Return the panel of some origins."""
        return training_panel(
            inputs or self.inputs,
            origins,
            known_until=self.newest,
            horizon_days=self.params.forecast.horizon_days,
            params=self.params.features,
            rows_share=_ROWS_SHARE,
        )

    def with_sales_of_week(self, week: date, factors: np.ndarray) -> FeatureInputs:
        """Return inputs in which the sales of a week are multiplied by a factor per store."""
        sales = self.inputs.sales
        changed = sales.sales.copy()
        last = (week - sales.first_date).days
        changed[:, last - 6 : last + 1] *= factors[:, None]
        return replace(self.inputs, sales=replace(sales, sales=changed))


def of_stores(panel: pl.DataFrame) -> pl.DataFrame:
    """Return one row per store and origin with the features that are constant over the days."""
    return panel.unique(["forecast_origin", "store_id"], keep="first", maintain_order=True).select(
        "forecast_origin", "store_id", *FEATURE_COLUMNS
    )


class Memory:
    """Cache of features and champion's forecasts of past origins."""

    def __init__(self, world: World, bundle: Bundle, origins: Sequence[date]) -> None:
        features, forecasts = [], []
        wanted = sorted({*origins, *(each - timedelta(days=YEAR_DAYS) for each in origins)})
        for start in range(0, len(wanted), 8):
            panel = world.panel(wanted[start : start + 8])
            features.append(of_stores(panel))
            recent = panel.filter(pl.col("forecast_origin").is_in(origins))
            if len(recent):
                logs, _ = bundle.model.forecast_logs(recent)
                forecasts.append(
                    recent.select("forecast_origin", "store_id", "target_date").with_columns(
                        sales_forecast=pl.Series(np.exp(logs))
                    )
                )
        self._features = pl.concat(features)
        self._forecasts = pl.concat(forecasts)

    def feature_samples(self, origin: date, now: pl.DataFrame | None = None) -> list[Sample]:
        """Return samples of features of an origin, or given ones, and of the year before."""
        then = origin - timedelta(days=YEAR_DAYS)
        known, reference = (
            self._features.filter(pl.col("forecast_origin") == each) for each in (origin, then)
        )
        return feature_samples(
            known if now is None else now, reference, origin=origin, reference_origin=then
        )

    def forecast_samples(self, origin: date) -> list[Sample]:
        """Return samples of forecasts of an origin and of the week before."""
        now, then = (
            self._forecasts.filter(pl.col("forecast_origin") == each)
            for each in (origin, origin - WEEK)
        )
        return forecast_samples(now, then)
