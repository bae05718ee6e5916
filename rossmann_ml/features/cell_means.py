"""Compute cell means: mean log sales by store, weekday and promotion; older days weigh less.

A cell is one weekday with or without promotion, so each store has 14 cells. The difference between
means with a short and with a long half-life shows how a store has changed. See
:mod:`rossmann_ml.features.linear` for the forecast of log sales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rossmann_ml.features.grid import BoolArray, FloatArray, IntArray

CELLS = 14  # weekday (7) x promotion (2)

# Number of own observations at which a store's mean weighs as much as its prior (the chain's shape
# for a cell, the group's level for a store). Set once from the noise of the data, not tuned.
_PRIOR_OBSERVATIONS = 4.0
_NEW_STORE_PRIOR = 1.0


def cell_numbers(day_weekdays: IntArray, is_promo: BoolArray) -> IntArray:
    """Number the cell of every store-day: its weekday (0 is Monday), plus 7 on promotion days.

    Args:
        day_weekdays: Weekday of each column, 0 is Monday, shape (days,).
        is_promo: Whether the store runs a promotion, shape (stores, days).

    Returns:
        Cell numbers from 0 to 13, shape (stores, days).
    """
    return day_weekdays + 7 * is_promo.astype(np.int64)


def cell_sums(
    log_sales: FloatArray,
    observed: BoolArray,
    is_promo: BoolArray,
    day_weekdays: IntArray,
    half_lives_days: Sequence[float],
) -> list[tuple[FloatArray, FloatArray]]:
    """Sum log sales by store and cell, so that older days weigh less.

    A cell is one weekday with or without promotion. A day's weight is halved for every half-life
    that it is older than the forecast origin.

    Args:
        log_sales: Log sales, 0 on days without sales, shape (stores, days); the last column is the
            forecast origin.
        observed: Whether the store had sales on the day, shape (stores, days).
        is_promo: Whether the store ran a promotion, shape (stores, days).
        day_weekdays: Weekday of each column, 0 is Monday, shape (days,).
        half_lives_days: Half-lives in days.

    Returns:
        One pair of arrays per half-life, each of shape (stores, 14): the sums of weight times log
        sales, and the sums of weights (effective numbers of observations).
    """
    days = len(day_weekdays)
    age = np.arange(days - 1, -1, -1)
    by_weekday = np.eye(7)[day_weekdays]
    weights = np.concatenate(
        [0.5 ** (age / half_life)[:, None] * by_weekday for half_life in half_lives_days], axis=1
    )
    on_promo = observed & is_promo
    # The sums without promotion are differences, because that needs no second pair of masks.
    total_all, total_promo = log_sales @ weights, (log_sales * on_promo) @ weights
    weight_all, weight_promo = observed @ weights, on_promo @ weights
    parts = [slice(7 * number, 7 * number + 7) for number in range(len(half_lives_days))]
    return [
        (
            np.hstack([(total_all - total_promo)[:, part], total_promo[:, part]]),
            np.hstack([(weight_all - weight_promo)[:, part], weight_promo[:, part]]),
        )
        for part in parts
    ]


@dataclass(frozen=True)
class CellLevels:
    """Store levels and cell means for all stores, estimated with one half-life.

    A cell is one weekday with or without promotion.

    Attributes:
        cells: Mean log sales in each cell, shape (stores, 14).
        level: Store level: log sales without the effects of weekday and promotion, shape
            (stores,).
    """

    cells: FloatArray
    level: FloatArray


def cell_levels(total: FloatArray, weight: FloatArray, groups: IntArray) -> CellLevels:
    """Estimate every store's level and cell means with one half-life.

    The estimates also exist for stores with few days or none, because they are shrunk: each level
    towards the mean level of the store's group (type and assortment), each cell mean towards the
    store's level plus the chain's effect of that weekday and promotion. The value that an estimate
    is shrunk towards weighs as much as one observation for a level, and as four for a cell mean.

    Args:
        total: Sums of weight times log sales with one half-life, shape (stores, 14 cells).
        weight: Sums of weights (effective numbers of observations), shape (stores, 14 cells).
        groups: Number of each store's group (type and assortment), 0 upwards, shape (stores,).
    """
    store_weight = weight.sum(axis=1)
    chain_shape = np.zeros(CELLS)
    level = np.zeros(len(total))
    # levels and shape depend on each other; a fourth round would move a level by less than 0.001
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
    """Compute the mean level in each store's group, from which estimates for new stores start.

    Means are shrunk towards the chain's mean, which weighs as much as ten observations, so that a
    group without observations has a mean too.

    Args:
        total: For each store, the sum over its days of weight times adjusted log sales, shape
            (stores,). Adjusted log sales are log sales minus the effects that do not belong to the
            level, such as those of weekday and promotion.
        weight: For each store, the sum of the weights of its days (its effective number of
            observations), shape (stores,).
        groups: Number of each store's group (type and assortment), 0 upwards, shape (stores,).

    Returns:
        For each store, the mean level in its group, shape (stores,).
    """
    group_total = np.bincount(groups, total)
    group_weight = np.bincount(groups, weight)
    overall = group_total.sum() / max(group_weight.sum(), 1e-9)
    # the chain's mean weighs ten observations, so an empty group has a mean too
    means = (group_total + 10.0 * overall) / (group_weight + 10.0)
    return np.asarray(means[groups])
