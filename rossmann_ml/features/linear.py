"""Fit the linear forecast, which predicts log sales of every store from calendar and promotion.

It is fitted on sales up to a forecast origin. One ridge regression over all stores fits the chain's
coefficients. One ridge regression per store then fits the store's coefficients, shrunk towards the
chain's. Tree models fit the residuals of this forecast, so that they need not learn how much each
of 1,115 stores sells. :func:`linear_forecasts` is the main entry point. See
:mod:`rossmann_ml.features.linear_design` for the columns (regressors).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from rossmann_ml.features.blas import one_blas_thread
from rossmann_ml.features.cell_means import group_means
from rossmann_ml.features.grid import (
    BoolArray,
    Float32Array,
    FloatArray,
    IntArray,
    PlanGrid,
    SalesGrid,
    StoreGrid,
)
from rossmann_ml.features.linear_design import LinearDesign

# Days are summed in blocks counted from the first day, and weights decay by whole blocks, so that
# sums carried from one origin to the next are bit-identical to sums computed from scratch.
_BLOCK_DAYS = 91
# Four years for the chain, two for a store.
_CHAIN_HALF_LIFE_DAYS = 1460.0
_STORE_HALF_LIFE_DAYS = 730.0
# Ridge penalty on the chain's coefficients, in observations.
_CHAIN_PENALTY = 20.0
# Additional penalty by annual harmonic (index 0: other columns), in days of the whole chain,
# because one or two years show little of a season's fine shape.
_HARMONIC_PENALTIES = np.array([0.0, 1.0, 30.0, 300.0])
# Ridge penalty on a store's deviation from the chain's coefficients, in observations.
_STORE_PENALTY = 2.0
# Multiple of it for trend, season and a promotion's bumps, because a store's own history of one
# or two years shows little of them.
_SLOW_PENALTY_FACTOR = 40.0
# Penalty on a store's deviation from the level of its group, in observations.
_LEVEL_PENALTY = 1.0
# The recent shift weights days by this half-life, plus a prior of days without shift, so that a
# store with few days gets a small shift.
_RECENT_HALF_LIFE_DAYS = 20.0
_RECENT_PRIOR_DAYS = 5.0
# Subtracted from log sales so that 32-bit sums keep their digits. It cancels out, except for a
# chain without any sales, whose forecast it is.
_TYPICAL_LOG_SALES = 8.5


@dataclass(frozen=True)
class LinearSums:
    """Sums over the days up to an origin, from which the ridge regressions are solved.

    The summed columns are the design's columns, then a constant 1, then log sales minus 8.5 (a
    typical value; small numbers keep more digits in 32-bit sums). Only store-days with sales are
    summed. Older days weigh less, with a half-life of 730 or 1,460 days.

    Attributes:
        forecast_origin: Last day in the sums.
        stores: Sums of products of each pair of columns by store, with a half-life of 730 days,
            shape (stores, columns + 2, columns + 2). Each store's coefficients are fitted to them.
        chain: Sums of products of each pair of columns over all stores, with a half-life of 1,460
            days, shape (columns + 2, columns + 2). The chain's coefficients are fitted to them.
        store_totals: Sums of each column by store, with a half-life of 1,460 days, shape (stores,
            columns + 2). They give each store's means, which the chain's fit subtracts, and the
            mean level of each group of stores.
    """

    forecast_origin: date
    stores: Float32Array
    chain: FloatArray
    store_totals: FloatArray


def running_sums(
    history: SalesGrid, design: LinearDesign, origins: Sequence[date]
) -> Iterator[LinearSums]:
    """Yield the sums over the days up to each origin, in one pass over the history.

    Args:
        history: Sales; days after an origin are excluded from its sums.
        design: Columns of the linear forecast, for all days of ``history``.
        origins: Forecast origins, in ascending order.

    Yields:
        One :class:`LinearSums` per origin.

    Raises:
        ValueError: The origins are not in ascending order.
    """
    if any(later < earlier for earlier, later in pairwise(origins)):
        raise ValueError("the origins do not ascend: later days cannot be taken out of the sums")
    start = (history.first_date - design.first_date).days
    size = design.columns + 2
    stores = len(history.sales)
    sums = LinearSums(
        history.first_date,
        np.zeros((stores, size, size), np.float32),
        np.zeros((size, size)),
        np.zeros((stores, size)),
    )
    done = 0
    for origin in origins:
        sales = history.until(origin).sales
        while sales.shape[1] - done > _BLOCK_DAYS:
            block = sales[:, done : done + _BLOCK_DAYS]
            sums = _add_block(sums, block, design, start + done, origin)
            done += _BLOCK_DAYS
        yield _add_block(sums, sales[:, done:], design, start + done, origin)


@one_blas_thread
def _add_block(
    before: LinearSums, sales: FloatArray, design: LinearDesign, first_day: int, origin: date
) -> LinearSums:
    """Add one block of consecutive days to the sums, after reducing the weight of earlier days.

    Blocks have 91 days, counted from the first day with sales data; the last block before an origin
    may be shorter. Every block, also a shorter one, reduces the weight of all earlier days as 91
    days would. Whole blocks are the same for all origins, so sums that continue from an earlier
    origin are bit-identical to sums from scratch.

    Args:
        before: Sums over all days before the block.
        sales: Sales on the days of the block, in EUR, shape (stores, days).
        design: Columns of the linear forecast.
        first_day: Number of the block's first day, counted from the design's first date.
        origin: Forecast origin to store in the result.

    Returns:
        New sums; ``before`` is unchanged.
    """
    stores, days = sales.shape
    observed = sales > 0
    rows = np.empty((stores, design.columns + 2, days), np.float32)
    rows[:, :-2] = design.rows(first_day, first_day + days)
    rows[:, -2] = 1.0
    rows[:, -1] = np.log(np.where(observed, sales, 1.0)) - _TYPICAL_LOG_SALES
    rows *= observed[:, None, :]
    products = rows @ rows.transpose(0, 2, 1)
    store_decay, chain_decay = (
        0.5 ** (_BLOCK_DAYS / half_life)
        for half_life in (_STORE_HALF_LIFE_DAYS, _CHAIN_HALF_LIFE_DAYS)
    )
    chain = products.sum(axis=0, dtype=np.float64)
    totals = products[:, -2].astype(np.float64)
    products += before.stores * np.float32(store_decay)
    return LinearSums(
        origin,
        products,
        before.chain * chain_decay + chain,
        before.store_totals * chain_decay + totals,
    )


@dataclass(frozen=True)
class LinearForecast:
    """Linear forecast of log sales: coefficients that were fitted on sales up to an origin.

    Attributes:
        forecast_origin: Last day whose sales were used.
        design: Columns that the coefficients multiply.
        chain_coefficients: Coefficients that were fitted over all stores, shape (1, columns).
        coefficients: Coefficients of each store, shape (stores, columns).
        level: Constant term of each store (its level): forecast log sales if all columns are zero,
            shape (stores,).
    """

    forecast_origin: date
    design: LinearDesign
    chain_coefficients: Float32Array
    coefficients: Float32Array
    level: FloatArray

    @classmethod
    @one_blas_thread
    def fit(cls, sums: LinearSums, design: LinearDesign, groups: IntArray) -> LinearForecast:
        """Fit the coefficients of the chain and of each store.

        A store without history gets the chain's coefficients and the mean level of its group.

        Args:
            sums: Sums over the days up to the origin.
            design: Columns that were summed.
            groups: Number of each store's group (type and assortment), 0 upwards, shape (stores,).
        """
        chain = _chain_coefficients(sums, design)
        weight, totals = sums.store_totals[:, -2], sums.store_totals
        own_total = totals[:, -1] - totals[:, :-2] @ chain
        group_level = group_means(own_total, weight, groups)
        prior = np.empty((len(sums.stores), len(chain) + 1))
        prior[:, :-1], prior[:, -1] = chain, group_level
        products = sums.stores[:, :-1, :-1].astype(np.float64)
        remainder = sums.stores[:, :-1, -1] - np.einsum("sij,sj->si", products, prior)
        penalty = np.full(len(chain) + 1, _STORE_PENALTY)
        penalty[:-1][design.slow] *= _SLOW_PENALTY_FACTOR
        penalty[-1] = _LEVEL_PENALTY
        diagonal = np.arange(len(penalty))
        products[:, diagonal, diagonal] += penalty
        solved = prior + np.linalg.solve(products, remainder[:, :, None])[:, :, 0]
        return cls(
            sums.forecast_origin,
            design,
            chain[None, :].astype(np.float32),
            solved[:, :-1].astype(np.float32),
            solved[:, -1] + _TYPICAL_LOG_SALES,
        )

    def log_sales(self, first: int, last: int) -> FloatArray:
        """Forecast log sales of every store on consecutive days.

        Args:
            first: Number of the first day, counted from the design's first date.
            last: Number of the day after the last one.

        Returns:
            Log sales, shape (stores, days).
        """
        return self.design.combine(self.coefficients, first, last) + self.level[:, None]

    def own_shape(self, first: int, last: int) -> FloatArray:
        """Compute the effects of days: forecast log sales of each store minus the store's level.

        Args:
            first: Number of the first day, counted from the design's first date.
            last: Number of the day after the last one.

        Returns:
            Effects of the days in log units, shape (stores, days).
        """
        return np.asarray(self.design.combine(self.coefficients, first, last), np.float64)

    def chain_shape(self, first: int, last: int) -> FloatArray:
        """Compute the effects of days as :meth:`own_shape`, but with the chain's coefficients.

        The effects differ between stores only because their plans differ.

        Args:
            first: Number of the first day, counted from the design's first date.
            last: Number of the day after the last one.

        Returns:
            Effects of the days in log units, shape (stores, days).
        """
        return np.asarray(self.design.combine(self.chain_coefficients, first, last), np.float64)


def linear_forecasts(
    history: SalesGrid, plan: PlanGrid, stores: StoreGrid, origins: Sequence[date]
) -> Iterator[LinearForecast]:
    """Yield, for each origin, the linear forecast that is fitted on sales up to it.

    Args:
        history: Sales; days after an origin are excluded from its fit.
        plan: Plan that covers the days of ``history`` and the days to forecast.
        stores: Stores, in the row order of both grids.
        origins: Forecast origins, in ascending order.
    """
    design = LinearDesign.from_plan(plan)
    groups = stores.groups()
    for sums in running_sums(history, design, origins):
        yield LinearForecast.fit(sums, design, groups)


def _chain_coefficients(sums: LinearSums, design: LinearDesign) -> FloatArray:
    """Fit the chain's coefficients by a ridge regression over all stores, shape (columns,).

    First, each store's means are subtracted from its columns and log sales. Differences between
    large and small stores therefore do not affect the coefficients.
    """
    totals = sums.store_totals
    weight = np.maximum(totals[:, -2], 1e-9)
    within = sums.chain - (totals / weight[:, None]).T @ totals
    stores = np.count_nonzero(totals[:, -2])
    penalty = _CHAIN_PENALTY + stores * _HARMONIC_PENALTIES[design.harmonic]
    products = within[:-2, :-2] + np.diag(penalty)
    return np.asarray(np.linalg.solve(products, within[:-2, -1]))


def recent_shift(
    residuals: FloatArray, observed: BoolArray, chain_by_day: FloatArray
) -> FloatArray:
    """Compute each store's mean residual over the last 200 days, minus the chain's.

    Only days on which the store had sales count. Newer days weigh more (half-life of 20 days).
    Five days without shift are added to the mean, so that a store with few days gets a small shift.

    Args:
        residuals: Log sales minus the linear forecast, 0 on days without sales, shape (stores,
            days); the last column is the forecast origin.
        observed: Whether the store had sales on the day, shape (stores, days).
        chain_by_day: Mean residual over all stores with sales on the day, shape (days,).

    Returns:
        Recent shifts in log units, shape (stores,).
    """
    recent = slice(-int(10 * _RECENT_HALF_LIFE_DAYS), None)  # older days weigh under a thousandth
    residuals, observed = residuals[:, recent], observed[:, recent]
    days = residuals.shape[1]
    weight = 0.5 ** (np.arange(days - 1, -1, -1) / _RECENT_HALF_LIFE_DAYS)
    shift = (residuals - chain_by_day[recent] * observed) @ weight
    return np.asarray(shift / (observed @ weight + _RECENT_PRIOR_DAYS))
