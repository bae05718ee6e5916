"""Read the inputs of features for one forecast origin: stores, sales and plan.

:func:`read_inputs` and :func:`read_newest_inputs` read the warehouse, :func:`read_published_inputs`
reads a published generation. See :mod:`rossmann_ml.features.panel` for computing the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.tables import core

_PUBLISHED_STORES = """
    SELECT
        store_id, store_type, assortment, state, competition_distance_m, competition_open_since,
        has_promo2, promo2_since, promo2_months
    FROM stores
    ORDER BY store_id
"""

# A generation holds the plan of its newest origin and the sales that this run used.
_PUBLISHED_HISTORY = """
    SELECT store_id, sales_date, sales
    FROM daily_sales
    WHERE sales_date <= $origin AND is_observed
    ORDER BY store_id, sales_date
"""
_PUBLISHED_PLAN = """
    SELECT store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday
    FROM store_plan
    ORDER BY store_id, plan_date
"""
_PUBLISHED_HORIZON_PLAN = """
    SELECT store_id, plan_date AS target_date, plan_source
    FROM store_plan
    WHERE plan_date > $origin AND plan_date <= $origin::DATE + $horizon_days::INTEGER
    ORDER BY store_id, plan_date
"""


@dataclass(frozen=True)
class OriginInputs:
    """Inputs of the forecasts from one origin: stores, plan, and sales up to the origin.

    Attributes:
        forecast_origin: Last day whose sales are used.
        features: Stores, sales and plan as arrays, from which features are computed.
        horizon_plan: Store-days to forecast: ``store_id, target_date, plan_source`` (where the plan
            is from: ``planned`` a plan file, ``actual`` a sales file, ``assumed`` neither,
            ``not_selling`` neither, and closed because the store does not sell). A store without
            rows gets no forecast.
        history: Sales as rows ``store_id, sales_date, sales``; the same data as in ``features``.
    """

    forecast_origin: date
    features: FeatureInputs
    horizon_plan: pl.DataFrame
    history: pl.DataFrame

    @property
    def first_sales_date(self) -> date:
        """First day with a sales row of any store."""
        return self.features.sales.first_date


def newest_origin(connection: duckdb.DuckDBPyConnection) -> date:
    """Read the newest forecast origin that has a plan; the weekly job forecasts from it.

    Raises:
        NoDataError: The core tables are not built, or no origin has a plan.
    """
    try:
        newest = core.newest_planned_origin(connection)
    except duckdb.CatalogException as error:
        raise NoDataError("the core tables are not built yet: run `rossmann refresh`") from error
    if newest is None:
        raise NoDataError(
            "no day has rows of enough stores to forecast from "
            "(params.yaml: forecast.origin_min_coverage); `rossmann data status` shows what is "
            "landed"
        )
    return newest


def read_inputs(
    connection: duckdb.DuckDBPyConnection,
    params: Params,
    *,
    forecast_origin: date,
    known_by: date | None = None,
) -> OriginInputs:
    """Read stores, sales up to a forecast origin and the plan for that origin from the warehouse.

    Args:
        connection: Pipeline database, in which ``core.horizon_plan`` has rows for this origin.
        params: Parameters; only the horizon is used.
        forecast_origin: Last day whose sales are used.
        known_by: Sales are read as they were known on this day, so later rows and corrections are
            ignored; None to read the newest values.

    Raises:
        NoDataError: There is no plan for this origin, or no sales up to it.
    """
    history = core.sales_known_by(connection, origin=forecast_origin, known_by=known_by or date.max)
    plan = core.plan_around(connection, forecast_origin)
    stores = core.stores(connection)
    horizon_plan = core.horizon_plan(
        connection, origin=forecast_origin, horizon_days=params.forecast.horizon_days
    )
    if history.is_empty():
        raise NoDataError(f"there are no sales on or before {forecast_origin}")
    if horizon_plan.is_empty():
        raise NoDataError(
            f"there is no plan for the days after {forecast_origin}: "
            "core.horizon_plan has no rows of that origin"
        )
    features = FeatureInputs.from_frames(history=history, plan=plan, stores=stores)
    return OriginInputs(forecast_origin, features, horizon_plan, history)


def read_newest_inputs(connection: duckdb.DuckDBPyConnection, params: Params) -> OriginInputs:
    """Read stores, sales and plan for the newest forecast origin; see :func:`read_inputs`."""
    return read_inputs(connection, params, forecast_origin=newest_origin(connection))


def read_published_inputs(
    connection: duckdb.DuckDBPyConnection, *, forecast_origin: date, horizon_days: int
) -> OriginInputs:
    """Read stores, sales and plan from a published generation, for its newest origin.

    All values equal the values that the weekly job read when it forecast from that origin, so that
    a what-if forecast differs from the published one only by the changed plan.

    Args:
        connection: Database of a published generation.
        forecast_origin: Newest origin of the generation.
        horizon_days: Number of days after the origin whose plan is read.
    """
    values = {"origin": forecast_origin}
    history = read_frame(connection, _PUBLISHED_HISTORY, values)
    features = FeatureInputs.from_frames(
        history=history,
        plan=read_frame(connection, _PUBLISHED_PLAN),
        stores=read_frame(connection, _PUBLISHED_STORES),
    )
    horizon_plan = read_frame(
        connection, _PUBLISHED_HORIZON_PLAN, {**values, "horizon_days": horizon_days}
    )
    return OriginInputs(forecast_origin, features, horizon_plan, history)
