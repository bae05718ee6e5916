"""What the residuals of store, state and chain were around the same days of earlier years."""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import BoolArray, FloatArray, IntArray
from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import YEAR_DAYS, Past, mean_or_nan


def _compute(past: Past) -> dict[str, np.ndarray]:
    as_of = past.as_of
    last = as_of.residuals.shape[1] - 1
    targets = last + 1 + np.arange(past.horizon_days)
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


GROUP = HistoryGroup(
    meanings={
        "last_year_store": "residual of the store on the same day a year ago",
        "last_year_store_7d": "mean over the 7 days around it",
        "last_year_store_21d": "mean over the 21 days around it",
        "last_year_change": "that mean minus the store's at the origin a year ago",
        "last_year_chain": "residual of the chain on the same day a year ago",
        "last_year_chain_7d": "mean over the 7 days around it",
        "last_year_chain_change": "the chain's 21-day mean there minus at the origin a year ago",
        "last_year_state_7d": "mean of the state over the 7 days around the same day a year ago",
        "year_before_chain_7d": "the chain's 7-day mean two years ago",
        "year_before_store_21d": "the store's 21-day mean two years ago",
    },
    cause="trend",
    compute=_compute,
)
