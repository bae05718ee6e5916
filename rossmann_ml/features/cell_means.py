"""Cell means: a store's usual log sales by weekday and promotion over a chosen memory.

Belongs here: decayed means by cell, as of an origin. They say how a store's habits have moved;
what it is expected to sell is :mod:`rossmann_ml.features.linear`'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rossmann_ml.features.grid import BoolArray, FloatArray, IntArray

CELLS = 14  # weekday (7) x promotion (2)

# How many observations of its own a store needs before they count as much as its group's or the
# chain's: set once from the noise of the data, not tuned.
_PRIOR_OBSERVATIONS = 4.0
_NEW_STORE_PRIOR = 1.0


def cell_numbers(day_weekdays: IntArray, is_promo: BoolArray) -> IntArray:
    """Number of the weekday-by-promotion cell of every store-day, 0 to 13."""
    return day_weekdays + 7 * is_promo.astype(np.int64)


@dataclass(frozen=True)
class CellSums:
    """Decayed sums of log sales by store and cell, additive over portions of a history.

    Attributes:
        total: Shape (stores, 14), sums of weight times log sales.
        weight: Shape (stores, 14), sums of weights: the effective number of observations.
    """

    total: FloatArray
    weight: FloatArray


def cell_sums(
    log_sales: FloatArray,
    observed: BoolArray,
    is_promo: BoolArray,
    day_weekdays: IntArray,
    half_lives_days: tuple[float, ...],
) -> list[CellSums]:
    """Sum log sales by store and cell, older days counting less.

    Args:
        log_sales: Shape (stores, days), 0 where not observed; the last column is the origin.
        observed: Shape (stores, days).
        is_promo: Shape (stores, days).
        day_weekdays: Shape (days,), 0 is Monday.
        half_lives_days: For each, the age at which a day counts half.

    Returns:
        One :class:`CellSums` a half-life.
    """
    days = len(day_weekdays)
    age = np.arange(days - 1, -1, -1)
    by_weekday = np.eye(7)[day_weekdays]
    weights = np.concatenate(
        [0.5 ** (age / half_life)[:, None] * by_weekday for half_life in half_lives_days], axis=1
    )
    on_promo = observed & is_promo
    # Sums without promotion are what is left of all days, which saves half of the products.
    total_all, total_promo = log_sales @ weights, (log_sales * on_promo) @ weights
    weight_all, weight_promo = observed @ weights, on_promo @ weights
    sums = []
    for number in range(len(half_lives_days)):
        part = slice(7 * number, 7 * number + 7)
        sums.append(
            CellSums(
                np.hstack([(total_all - total_promo)[:, part], total_promo[:, part]]),
                np.hstack([(weight_all - weight_promo)[:, part], weight_promo[:, part]]),
            )
        )
    return sums


@dataclass(frozen=True)
class CellLevels:
    """Usual log sales by store and cell.

    Attributes:
        cells: Shape (stores, 14).
        level: Shape (stores,), the store's level without weekday and promotion.
    """

    cells: FloatArray
    level: FloatArray


def cell_levels(sums: CellSums, groups: IntArray) -> CellLevels:
    """Split sums into a store level, the chain's weekday-promotion shape and the store's own.

    Each store is pulled towards its group (type and assortment), each of its cells towards the
    chain's shape, by a few observations' weight: a store without history gets its group's level.

    Args:
        sums: The sums of one half-life.
        groups: Shape (stores,), the group of each store, 0 upwards.
    """
    weight, total = sums.weight, sums.total
    store_weight = weight.sum(axis=1)
    chain_shape = np.zeros(CELLS)
    level = np.zeros(len(total))
    # levels and shape in turn; a fourth time would move a level by less than 0.001
    for _ in range(3):
        remainder = (total - weight * chain_shape).sum(axis=1)
        group_level = group_means(remainder, store_weight, groups)
        level = (remainder + _NEW_STORE_PRIOR * group_level) / (store_weight + _NEW_STORE_PRIOR)
        cell_remainder = (total - weight * level[:, None]).sum(axis=0)
        chain_shape = cell_remainder / (weight.sum(axis=0) + 1e-9)
    expected = level[:, None] + chain_shape
    own = (total - weight * expected) / (weight + _PRIOR_OBSERVATIONS)
    return CellLevels(expected + own, level)


def group_means(total: FloatArray, weight: FloatArray, groups: IntArray) -> FloatArray:
    """The mean of each store's group, for groups with little history near the chain's.

    Args:
        total: Shape (stores,), sums of weight times value.
        weight: Shape (stores,), sums of weights.
        groups: Shape (stores,), the group of each store, 0 upwards.

    Returns:
        Shape (stores,).
    """
    group_total = np.bincount(groups, total)
    group_weight = np.bincount(groups, weight)
    overall = group_total.sum() / max(group_weight.sum(), 1e-9)
    # ten days' weight of the whole chain, so that an empty group has a level too
    means = (group_total + 10.0 * overall) / (group_weight + 10.0)
    return np.asarray(means[groups])
