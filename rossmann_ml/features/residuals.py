"""Residuals: what was sold beside the linear forecast, by store, state and chain up to an origin.

Features are made of them in the modules of :mod:`rossmann_ml.features.history`.
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
    """What is known at an origin, cut off there, and what was left over of it.

    Attributes:
        observed: Shape (stores, days).
        residuals: Shape (stores, days), log sales minus the linear forecast; 0 where not observed.
        chain: Shape (days,), mean residual.
        states: Shape (states, days), mean residual.
        state_of_store: Shape (stores,), row of ``states``.
        levels: Cell means, by half-life.
        shift: Shape (stores,), the recent level beside the linear forecast.
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
    """What history features may look at: nothing of it comes from the plan of the target days.

    Attributes:
        as_of: Residuals and levels.
        first_date: The date of their first day.
        weekdays: Shape (days,), 0 is Monday.
        is_promo: Shape (stores, days).
        horizon_days: Number of target days after the origin.
        params: Half-lives and windows.
    """

    as_of: AsOf
    first_date: date
    weekdays: IntArray
    is_promo: BoolArray
    horizon_days: int
    params: FeatureParams


def mean_or_nan(total: FloatArray, count: FloatArray | IntArray) -> FloatArray:
    """Means, NaN where nothing was counted."""
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def look_back(
    known: SalesGrid,
    plan: PlanGrid,
    stores: StoreGrid,
    linear: LinearForecast,
    params: FeatureParams,
    *,
    past_promo: BoolArray,
    past_weekdays: IntArray,
) -> AsOf:
    """Set what was sold beside what the linear forecast and the cell means say of it.

    Args:
        known: Sales, cut off at the origin.
        plan: The plan, which covers them.
        stores: The stores, in the row order of both grids.
        linear: The linear forecast as of the origin.
        params: Half-lives.
        past_promo: Shape (stores, days), the promotion of the days of ``known``.
        past_weekdays: Shape (days,), 0 is Monday.
    """
    observed = known.sales > 0  # closed days and the few open days without sales say nothing
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

    state_of_store = stores.numbers("state") + 1  # 0 gathers the stores of unknown state
    membership = np.eye(int(state_of_store.max()) + 1)[state_of_store].T
    states = (membership @ residuals) / np.maximum(membership @ observed, 1)
    return AsOf(observed, residuals, chain, states, state_of_store, levels, shift)
