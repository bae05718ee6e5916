"""Compute features from residuals one and two years (364 and 728 days) before the target day.

These are whole weeks, so the weekday is the same. A residual is log sales minus the linear
forecast, here of the store, its state or the chain.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import BoolArray, FloatArray, IntArray
from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import YEAR_DAYS, Past, mean_or_nan


def _compute(past: Past, horizon_days: int) -> dict[str, np.ndarray]:
    last = past.residuals.shape[1] - 1
    targets = last + 1 + np.arange(horizon_days)
    year, year_before = targets - YEAR_DAYS, targets - 2 * YEAR_DAYS
    # centre of the 21 days up to the origin a year ago, from which the season's change is measured
    origin_then = np.array([last - YEAR_DAYS - 10])

    store = (past.residuals, past.observed)
    chain = (past.residuals.sum(axis=0)[None, :], past.observed.sum(axis=0)[None, :])
    state = (past.states, (past.states != 0).astype(np.float64))
    return {
        "last_year_store": _around(*store, year, 1),
        "last_year_store_7d": _around(*store, year, 7),
        "last_year_store_21d": (store_21 := _around(*store, year, 21)),
        "last_year_change": store_21 - _around(*store, origin_then, 21),
        "last_year_chain": _around(*chain, year, 1),
        "last_year_chain_7d": _around(*chain, year, 7),
        "last_year_chain_change": _around(*chain, year, 21) - _around(*chain, origin_then, 21),
        "last_year_state_7d": _around(*state, year, 7)[past.state_of_store],
        "year_before_chain_7d": _around(*chain, year_before, 7),
        "year_before_store_21d": _around(*store, year_before, 21),
    }


def _around(
    values: FloatArray, counts: FloatArray | BoolArray | IntArray, columns: IntArray, days: int
) -> FloatArray:
    """Compute mean residuals over windows of days that are centred on given days.

    Args:
        values: Residuals of stores, their sums over the chain, or their means by state, shape
            (rows, days); 0 on days without observations.
        counts: Weight of each of ``values``, shape (rows, days): the number of stores in a sum, 1
            for a store or a mean, 0 on days without observations.
        columns: Column numbers of the days in the centre of the windows; consecutive.
        days: Length of each window in days, odd.

    Returns:
        Means, shape (rows, windows); NaN for windows without an observation.
    """
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
        "last_year_store": "residual of the store 364 days earlier",
        "last_year_store_7d": "mean residual of the store over the 7 days around 364 days earlier",
        "last_year_store_21d": "mean residual of the store over the 21 days around 364 days "
        "earlier",
        "last_year_change": "last_year_store_21d minus the mean of the 21 days up to the origin "
        "364 days earlier",
        "last_year_chain": "mean residual of the chain 364 days earlier",
        "last_year_chain_7d": "mean residual of the chain over the 7 days around 364 days earlier",
        "last_year_chain_change": "mean residual of the chain over the 21 days around 364 days "
        "earlier, minus that of the 21 days up to the origin 364 days earlier",
        "last_year_state_7d": "mean residual of the state over the 7 days around 364 days earlier",
        "year_before_chain_7d": "mean residual of the chain over the 7 days around 728 days "
        "earlier",
        "year_before_store_21d": "mean residual of the store over the 21 days around 728 days "
        "earlier",
    },
    cause="trend",
    compute=_compute,
)
