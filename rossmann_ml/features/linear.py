"""The linear forecast: log sales of every store by calendar and promotion, as of an origin.

A ridge over all stores gives the chain's answer, a ridge per store towards it the store's own, and
the mean of the last weeks' residuals its recent level. Models learn how a day departs from this
forecast, so that trees need not learn 1,115 levels. Belongs here: sums over the days and the
coefficients that come of them. The columns are in :mod:`rossmann_ml.features.linear_design`,
features made of what is left over in :mod:`rossmann_ml.features.history`.
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

# Days are summed in blocks counted from the first day, and age by whole blocks: so sums carried
# from one origin to the next are the same, to the last bit, as sums made anew.
_BLOCK_DAYS = 91
# Ages at which a day counts half: four years for the chain, two for a store.
_CHAIN_HALF_LIFE_DAYS = 1460.0
_STORE_HALF_LIFE_DAYS = 730.0
# In observations: how much zero counts beside the chain's days, and the chain's answer beside the
# store's own days. Many times that for season and trend: a store saw one or two years only.
_CHAIN_PENALTY = 20.0
# Beyond that, in days of the whole chain, of the annual harmonics: one or two years say little of
# a season's fine shape.
_HARMONIC_PENALTIES = np.array([0.0, 1.0, 30.0, 300.0])
_STORE_PENALTY = 2.0
# Trend, season and a promotion's bumps: as many times the store's penalty.
_SLOW_PENALTY_FACTOR = 40.0
# The group's level beside the store's own days.
_LEVEL_PENALTY = 1.0
# The recent shift: the age at which a day counts half, and how many days of no shift are counted
# in, so that a store with few days departs little from its forecast.
_RECENT_HALF_LIFE_DAYS = 20.0
_RECENT_PRIOR_DAYS = 5.0
# Subtracted from log sales so that 32-bit sums keep their digits; it cancels out, but for a chain
# without any sale, which is expected at this level.
_TYPICAL_LOG_SALES = 8.5


@dataclass(frozen=True)
class LinearSums:
    """Decayed sums of products over the days up to an origin.

    The columns are those of the design, then a constant 1, then log sales.

    Attributes:
        forecast_origin: The last day that counts.
        stores: Shape (stores, columns + 2, columns + 2), with the stores' half-life.
        chain: Shape (columns + 2, columns + 2), the sum over stores with the chain's half-life.
        store_totals: Shape (stores, columns + 2), sums of the columns with the chain's half-life.
    """

    forecast_origin: date
    stores: Float32Array
    chain: FloatArray
    store_totals: FloatArray


def running_sums(
    history: SalesGrid, design: LinearDesign, origins: Sequence[date]
) -> Iterator[LinearSums]:
    """Sum the days up to each of several origins, going through the history once.

    Args:
        history: Sales; columns after an origin do not count for it.
        design: The columns; it covers the history.
        origins: Ascending.

    Yields:
        One :class:`LinearSums` an origin.
    """
    if any(later < earlier for earlier, later in pairwise(origins)):
        raise ValueError("the origins do not ascend, and sums cannot forget later days")
    start = (history.first_date - design.first_date).days
    size = design.columns + 2
    stores = len(history.sales)
    whole = LinearSums(
        history.first_date,
        np.zeros((stores, size, size), np.float32),
        np.zeros((size, size)),
        np.zeros((stores, size)),
    )
    done = 0
    for origin in origins:
        sales = history.until(origin).sales
        days = sales.shape[1]
        while days - done > _BLOCK_DAYS:
            block = (done, done + _BLOCK_DAYS)
            whole = _add_block(whole, sales, design, first_day=start, block=block, origin=origin)
            done += _BLOCK_DAYS
        block = (done, days)
        yield _add_block(whole, sales, design, first_day=start, block=block, origin=origin)


@one_blas_thread
def _add_block(
    before: LinearSums,
    sales: FloatArray,
    design: LinearDesign,
    *,
    first_day: int,
    block: tuple[int, int],
    origin: date,
) -> LinearSums:
    first, last = block
    observed = sales[:, first:last] > 0
    rows = np.empty((len(sales), design.columns + 2, last - first), np.float32)
    rows[:, :-2] = design.rows(first_day + first, first_day + last)
    rows[:, -2] = 1.0
    rows[:, -1] = np.log(np.where(observed, sales[:, first:last], 1.0)) - _TYPICAL_LOG_SALES
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
    """Coefficients as of an origin.

    Attributes:
        forecast_origin: The last day that counted.
        design: The columns they belong to.
        chain_coefficients: Shape (1, columns).
        coefficients: Shape (stores, columns).
        level: Shape (stores,), log sales where all columns are zero.
    """

    forecast_origin: date
    design: LinearDesign
    chain_coefficients: Float32Array
    coefficients: Float32Array
    level: FloatArray

    @classmethod
    @one_blas_thread
    def fit(cls, sums: LinearSums, design: LinearDesign, groups: IntArray) -> LinearForecast:
        """Solve both levels of the regression.

        A store without history gets the chain's coefficients and the level of its group.

        Args:
            sums: What is known as of the origin.
            design: The columns that were summed.
            groups: Shape (stores,), the group of each store, 0 upwards.
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
        """Expected log sales of the design's days ``first`` to ``last - 1``, (stores, days)."""
        return self.design.combine(self.coefficients, first, last) + self.level[:, None]

    def own_shape(self, first: int, last: int) -> FloatArray:
        """The part of it that the columns bring, without the level."""
        return np.asarray(self.design.combine(self.coefficients, first, last), np.float64)

    def chain_shape(self, first: int, last: int) -> FloatArray:
        """The same by the chain's coefficients."""
        return np.asarray(self.design.combine(self.chain_coefficients, first, last), np.float64)


def linear_forecasts(
    history: SalesGrid, plan: PlanGrid, stores: StoreGrid, origins: Sequence[date]
) -> Iterator[LinearForecast]:
    """Make the linear forecast of each of several origins.

    Args:
        history: Sales; what comes after an origin does not count for it.
        plan: Covers the history and the days to forecast.
        stores: The stores, in the row order of both grids.
        origins: Ascending.
    """
    design = LinearDesign.from_plan(plan)
    groups = stores.groups()
    for sums in running_sums(history, design, origins):
        yield LinearForecast.fit(sums, design, groups)


def _chain_coefficients(sums: LinearSums, design: LinearDesign) -> FloatArray:
    """Ridge over all stores on what departs from each store's own mean."""
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
    """How far each store has lately been from its forecast, apart from the whole chain's moves.

    Args:
        residuals: Shape (stores, days), 0 where not observed; the last column is the origin.
        observed: Shape (stores, days).
        chain_by_day: Shape (days,), the chain's mean residual of each day.

    Returns:
        Shape (stores,), in log units, pulled towards zero where there are few days.
    """
    recent = slice(-int(10 * _RECENT_HALF_LIFE_DAYS), None)  # older days weigh under a thousandth
    residuals, observed = residuals[:, recent], observed[:, recent]
    days = residuals.shape[1]
    weight = 0.5 ** (np.arange(days - 1, -1, -1) / _RECENT_HALF_LIFE_DAYS)
    shift = (residuals - chain_by_day[recent] * observed) @ weight
    return np.asarray(shift / (observed @ weight + _RECENT_PRIOR_DAYS))
