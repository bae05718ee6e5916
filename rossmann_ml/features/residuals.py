"""Compute residuals (log sales minus the linear forecast) on the days up to a forecast origin.

They are computed for each store, each state and the chain. See the modules in
:mod:`rossmann_ml.features.history` for the features that are computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.blas import one_blas_thread
from rossmann_ml.features.cell_means import CellLevels, cell_levels, cell_sums
from rossmann_ml.features.grid import (
    BoolArray,
    FloatArray,
    IntArray,
    PlanGrid,
    SalesGrid,
    StoreGrid,
    weekdays,
)
from rossmann_ml.features.linear import LinearForecast, recent_shift

YEAR_DAYS = 364  # 52 weeks: the same weekday a year ago


@dataclass(frozen=True)
class Past:
    """Residuals and cell means, computed from sales up to a forecast origin.

    The last column of days is the origin.

    Attributes:
        first_date: Date of the first column of days.
        weekdays: Weekday of each day, 0 is Monday, shape (days,).
        is_promo: Whether the store ran a promotion on the day, shape (stores, days).
        observed: Whether the store had sales on the day, shape (stores, days).
        residuals: Log sales minus the linear forecast, 0 on days without sales, shape (stores,
            days).
        chain: Mean residual over all stores with sales on the day, shape (days,).
        states: The same over the stores in each state, shape (states, days). Row 0 is for stores
            whose state is unknown.
        state_of_store: Row of each store's state in ``states``, shape (stores,).
        levels: One item per half-life: each store's level, and its mean log sales by weekday and
            promotion (cell means).
        shift: Mean difference between each store's residuals and the chain's, with a half-life of
            20 days, see :func:`rossmann_ml.features.linear.recent_shift`, shape (stores,).
        params: Half-lives and windows, in days.
    """

    first_date: date
    weekdays: IntArray
    is_promo: BoolArray
    observed: BoolArray
    residuals: FloatArray
    chain: FloatArray
    states: FloatArray
    state_of_store: IntArray
    levels: list[CellLevels]
    shift: FloatArray
    params: FeatureParams


def mean_or_nan(total: FloatArray, count: FloatArray | IntArray) -> FloatArray:
    """Divide sums by counts to get means; NaN where the count is 0."""
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


@one_blas_thread
def as_of_origin(
    history: SalesGrid,
    plan: PlanGrid,
    stores: StoreGrid,
    linear: LinearForecast,
    params: FeatureParams,
) -> Past:
    """Compute residuals of a linear forecast, and cell means, from sales up to its origin.

    History features are computed from the result.

    Args:
        history: Sales; columns after the origin are ignored.
        plan: Plan that covers the history.
        stores: Stores, in the row order of both grids.
        linear: Linear forecast that was fitted on sales up to the origin.
        params: Half-lives and windows, in days.
    """
    known = history.until(linear.forecast_origin)
    days = known.sales.shape[1]
    past_weekdays = weekdays(known.first_date, days)
    is_promo = plan.promotions(known.first_date, days)
    observed = known.sales > 0  # log sales are undefined on closed days and days without sales
    log_sales = np.log(np.where(observed, known.sales, 1.0))
    groups = stores.groups()
    sums = cell_sums(log_sales, observed, is_promo, past_weekdays, params.half_lives_days)
    levels = [cell_levels(total, weight, groups) for total, weight in sums]
    start = plan.column(known.first_date)
    expected = linear.log_sales(start, start + days)
    residuals = np.where(observed, log_sales - expected, 0.0)
    chain = residuals.sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
    shift = recent_shift(residuals, observed, chain)

    state_of_store = stores.numbers("state") + 1  # row 0: stores of unknown state
    membership = np.eye(int(state_of_store.max()) + 1)[state_of_store].T
    states = (membership @ residuals) / np.maximum(membership @ observed, 1)
    return Past(
        first_date=known.first_date,
        weekdays=past_weekdays,
        is_promo=is_promo,
        observed=observed,
        residuals=residuals,
        chain=chain,
        states=states,
        state_of_store=state_of_store,
        levels=levels,
        shift=shift,
        params=params,
    )
