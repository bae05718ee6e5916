"""Compute residuals (log sales minus the linear forecast) on the days up to a forecast origin.

They are computed for each store, each state and the chain. See the modules in
:mod:`rossmann_ml.features.history` for the features that are computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.cell_means import CellLevels, cell_levels, cell_sums
from rossmann_ml.features.grid import (
    BoolArray,
    FloatArray,
    IntArray,
    PlanGrid,
    SalesGrid,
    StoreGrid,
)
from rossmann_ml.features.linear import LinearForecast, recent_shift

YEAR_DAYS = 364  # 52 weeks: the same weekday a year ago


@dataclass(frozen=True)
class AsOf:
    """Residuals and cell means, computed from sales up to a forecast origin.

    Arrays with an axis of days begin with the first day of the sales history and end with the
    origin.

    Attributes:
        observed: Whether the store had sales on the day, shape (stores, days).
        residuals: Log sales minus the linear forecast, 0 where not observed, shape (stores, days).
        chain: Mean residual over all stores, shape (days,).
        states: Mean residual over the stores in each state, shape (states, days). Row 0 is for
            stores whose state is unknown.
        state_of_store: Row of each store's state in ``states``, shape (stores,).
        levels: One item per half-life: each store's level, and its mean log sales by weekday and
            promotion (cell means).
        shift: Mean residual of each store over the last weeks, minus the chain's, shape (stores,).
    """

    observed: BoolArray
    residuals: FloatArray
    chain: FloatArray
    states: FloatArray
    state_of_store: IntArray
    levels: list[CellLevels]
    shift: FloatArray


@dataclass(frozen=True)
class Past:
    """Data from which history features are computed, except the plan for the target days.

    Attributes:
        as_of: Residuals and cell means, computed from sales up to the origin.
        first_date: Date of the first column in all (..., days) arrays.
        weekdays: Weekday of each past day, 0 is Monday, shape (days,).
        is_promo: Whether the store ran a promotion on each past day, shape (stores, days).
        horizon_days: Number of target days after the origin.
        params: Half-lives and windows, in days.
    """

    as_of: AsOf
    first_date: date
    weekdays: IntArray
    is_promo: BoolArray
    horizon_days: int
    params: FeatureParams


def mean_or_nan(total: FloatArray, count: FloatArray | IntArray) -> FloatArray:
    """Divide sums by counts to get means; NaN where the count is 0."""
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def residuals_as_of(
    known: SalesGrid,
    plan: PlanGrid,
    stores: StoreGrid,
    linear: LinearForecast,
    params: FeatureParams,
    *,
    past_promo: BoolArray,
    past_weekdays: IntArray,
) -> AsOf:
    """Compute residuals and cell means from sales up to an origin.

    Args:
        known: Sales up to the origin.
        plan: Plan that covers the days of ``known``.
        stores: Stores, in the row order of both grids.
        linear: Linear forecast that was fitted on sales up to the origin.
        params: Half-lives of the cell means, in days.
        past_promo: Whether the store ran a promotion on the days of ``known``, shape
            (stores, days).
        past_weekdays: Weekday of the days of ``known``, 0 is Monday, shape (days,).
    """
    observed = known.sales > 0  # log sales are undefined on closed days and days without sales
    log_sales = np.log(np.where(observed, known.sales, 1.0))
    groups = stores.groups()
    half_lives = tuple(map(float, params.half_lives_days))
    sums = cell_sums(log_sales, observed, past_promo, past_weekdays, half_lives)
    levels = [cell_levels(each, groups) for each in sums]
    start = plan.column(known.first_date)
    expected = linear.log_sales(start, start + log_sales.shape[1])
    residuals = np.where(observed, log_sales - expected, 0.0)
    chain = residuals.sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
    shift = recent_shift(residuals, observed, chain)

    state_of_store = stores.numbers("state") + 1  # row 0: stores of unknown state
    membership = np.eye(int(state_of_store.max()) + 1)[state_of_store].T
    states = (membership @ residuals) / np.maximum(membership @ observed, 1)
    return AsOf(observed, residuals, chain, states, state_of_store, levels, shift)
