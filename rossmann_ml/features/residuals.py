"""Residuals: what was sold beside the linear forecast, and the features made of it.

Belongs here: statistics of the residuals of store, state and chain up to an origin. The list of all
history features is in :mod:`rossmann_ml.features.history`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

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


def recent_features(
    as_of: AsOf,
    past_promo: BoolArray,
    past_weekdays: IntArray,
    horizon_days: int,
    params: FeatureParams,
) -> dict[str, FloatArray]:
    """What the residuals of the last weeks and months say of store, state and chain."""
    residuals, observed = as_of.residuals, as_of.observed
    features = {}
    for days in params.residual_windows_days:
        means = mean_or_nan(residuals[:, -days:].sum(axis=1), observed[:, -days:].sum(axis=1))
        features[f"residual_{days}d"] = means[:, None]

    recent, seen, promo = residuals[:, -56:], observed[:, -56:], past_promo[:, -56:]
    for name, chosen in (("promo", seen & promo), ("no_promo", seen & ~promo)):
        means = mean_or_nan((recent * chosen).sum(axis=1), chosen.sum(axis=1))
        features[f"residual_{name}_56d"] = means[:, None]
    by_weekday = np.eye(7)[past_weekdays[-56:]]
    weekday_means = mean_or_nan(recent @ by_weekday, seen @ by_weekday)
    target_weekdays = (past_weekdays[-1] + 1 + np.arange(horizon_days)) % 7
    features["residual_same_weekday_56d"] = weekday_means[:, target_weekdays]

    half_year, seen_half_year = residuals[:, -182:], observed[:, -182:].sum(axis=1)
    mean = mean_or_nan(half_year.sum(axis=1), seen_half_year)
    variance = mean_or_nan((half_year**2).sum(axis=1), seen_half_year) - mean**2
    features["residual_std_182d"] = np.sqrt(np.maximum(variance, 0))[:, None]

    for days in (7, 28):
        seen_days = observed[:, -days:]
        chain = residuals[:, -days:].sum() / max(int(seen_days.sum()), 1)
        features[f"chain_residual_{days}d"] = np.full((1, 1), chain)
    state = as_of.states[:, -28:].mean(axis=1) - as_of.chain[-28:].mean()
    features["state_residual_28d"] = state[as_of.state_of_store][:, None]
    return features


def _around(
    values: FloatArray, counts: FloatArray | BoolArray | IntArray, columns: IntArray, days: int
) -> FloatArray:
    """Means over ``days`` columns centred on each of ``columns``; NaN where nothing is there."""
    half = days // 2
    low, high = int(columns[0]) - half, int(columns[-1]) + half + 1
    if high <= 0:
        return np.full((values.shape[0], len(columns)), np.nan)
    pad = max(-low, 0)  # days before the history began
    span = slice(max(low, 0), high)
    sums = []
    for array in (values, counts):
        piece = np.pad(array[:, span].astype(np.float64), ((0, 0), (pad, 0)))
        running = np.zeros((piece.shape[0], piece.shape[1] + 1))
        np.cumsum(piece, axis=1, out=running[:, 1:])
        sums.append(running[:, days:] - running[:, :-days])
    return mean_or_nan(sums[0], np.rint(sums[1]))


def last_year_features(as_of: AsOf, horizon_days: int) -> dict[str, FloatArray]:
    """What the residuals were around the same days a year and two years ago."""
    last = as_of.residuals.shape[1] - 1
    targets = last + 1 + np.arange(horizon_days)
    year, year_before = targets - YEAR_DAYS, targets - 2 * YEAR_DAYS
    # where a year ago the origin stood: how the season moved on from there
    then = np.array([last - YEAR_DAYS - 10])

    store = (as_of.residuals, as_of.observed)
    chain = (as_of.residuals.sum(axis=0)[None, :], as_of.observed.sum(axis=0)[None, :])
    state = (as_of.states, (as_of.states != 0).astype(np.float64))
    return {
        "last_year_store": _around(*store, year, 1),
        "last_year_store_7d": _around(*store, year, 7),
        "last_year_store_21d": (store_21 := _around(*store, year, 21)),
        "last_year_change": store_21 - _around(*store, then, 21),
        "last_year_chain": _around(*chain, year, 1),
        "last_year_chain_7d": _around(*chain, year, 7),
        "last_year_chain_change": _around(*chain, year, 21) - _around(*chain, then, 21),
        "last_year_state_7d": _around(*state, year, 7)[as_of.state_of_store],
        "year_before_chain_7d": _around(*chain, year_before, 7),
        "year_before_store_21d": _around(*store, year_before, 21),
    }


def month_edge_features(as_of: AsOf, first_date: date) -> dict[str, FloatArray]:
    """How the store's first and last days of months depart from the linear forecast."""
    days = as_of.residuals.shape[1]
    start = max(days - YEAR_DAYS, 0)
    dates = [first_date + timedelta(days=number) for number in range(start, days)]
    recent, seen = as_of.residuals[:, start:], as_of.observed[:, start:]
    edges = {
        "month_start_residual": np.array([day.day <= 3 for day in dates]),
        "month_end_residual": np.array([(day + timedelta(days=3)).day <= 3 for day in dates]),
    }
    return {
        name: mean_or_nan(recent[:, chosen].sum(axis=1), seen[:, chosen].sum(axis=1))[:, None]
        for name, chosen in edges.items()
    }
