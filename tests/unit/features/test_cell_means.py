"""Cell means: decayed sums by weekday and promotion, levels, shapes and group means.

See the docstrings of ``rossmann_ml.features.cell_means`` for the definitions. Priors are literal
numbers here: ten days of the chain's mean in a group's mean, one day of the group's mean in a
store's level, four days of 0 in a store's deviation in a cell.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import history_reference as reference

from rossmann_ml.features.cell_means import (
    CELLS,
    cell_levels,
    cell_numbers,
    cell_sums,
    group_means,
)

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

QUICK = settings(max_examples=25, deadline=None, derandomize=True)
NEAR = {"rtol": 1e-9, "atol": 1e-9}


def test_cells_are_the_weekday_and_seven_more_on_promotion_days() -> None:
    is_promo = np.array([[False] * 7, [True] * 7, [True, False] * 3 + [True]])
    numbers = cell_numbers(np.arange(7), is_promo)
    assert numbers.tolist() == [
        [0, 1, 2, 3, 4, 5, 6],
        [7, 8, 9, 10, 11, 12, 13],
        [7, 1, 9, 3, 11, 5, 13],
    ]
    assert CELLS == 14


@given(
    seed=st.integers(0, 2**32 - 1),
    stores=st.integers(1, 3),
    days=st.integers(1, 60),
    half_lives=st.lists(st.sampled_from([1.0, 7.0, 60.0, 400.0]), min_size=1, max_size=3),
)
@QUICK
def test_sums_are_each_days_log_sales_by_age(
    seed: int, stores: int, days: int, half_lives: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    observed, is_promo = rng.random((stores, days)) < 0.7, rng.random((stores, days)) < 0.4
    log_sales = np.where(observed, rng.normal(8.5, 0.5, (stores, days)), 0.0)
    weekdays = (int(rng.integers(7)) + np.arange(days)) % 7
    found = cell_sums(log_sales, observed, is_promo, weekdays, tuple(half_lives))
    assert len(found) == len(half_lives)
    for (sums, weights), half_life in zip(found, half_lives, strict=True):
        total, weight = np.zeros((stores, 14)), np.zeros((stores, 14))
        for store in range(stores):
            for day in range(days):
                cell = weekdays[day] + (7 if is_promo[store, day] else 0)
                counts = 0.5 ** ((days - 1 - day) / half_life) * observed[store, day]
                total[store, cell] += counts * log_sales[store, day]
                weight[store, cell] += counts
        np.testing.assert_allclose(sums, total, **NEAR)
        np.testing.assert_allclose(weights, weight, **NEAR)


def as_cells(*sums: np.ndarray) -> reference.Cells:
    """Return values by weekday and promotion in place of the 14 cell numbers."""
    return reference.Cells(
        *(
            [dict(zip(reference.CELLS, row, strict=True)) for row in values.tolist()]
            for values in sums
        )
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    groups=st.lists(st.integers(0, 2), min_size=1, max_size=5),
    empty=st.integers(0, 13),
)
@QUICK
def test_levels_and_cells_are_calculated_in_turn_three_times(
    seed: int, groups: list[int], empty: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (len(groups), 14)
    weight = rng.gamma(1.0, 5.0, shape) * (rng.random(shape) < 0.8)
    weight[:, empty] = 0.0  # a cell without observations in any store
    weight[0] *= rng.random() < 0.5  # often a store without history
    total = weight * rng.normal(8.5, 0.5, shape)
    found = cell_levels(total, weight, np.array(groups))
    usual, level = reference.cell_levels(as_cells(total, weight), groups)
    # 1e-9 days are added to a cell's weight, which may be small
    np.testing.assert_allclose(found.level, level, rtol=1e-6)
    expected = [[row[cell] for cell in reference.CELLS] for row in usual]
    np.testing.assert_allclose(found.cells, expected, rtol=1e-6)


def test_a_store_without_history_has_its_groups_level_and_the_chains_shape() -> None:
    weight = np.zeros((3, 14))
    weight[:2, :6] = 40.0
    total = weight * np.array([[8.0], [9.0], [0.0]])
    total[:, 0] += 0.2 * weight[:, 0]
    levels = cell_levels(total, weight, np.array([0, 1, 1]))
    assert levels.level[2] == pytest.approx(levels.level[1], abs=0.02)
    shape = levels.cells[2] - levels.level[2]
    assert shape[0] - shape[1] == pytest.approx(0.2, abs=1e-6)


@given(
    groups=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
@QUICK
def test_a_groups_mean_counts_ten_days_of_the_chain(groups: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.gamma(1.0, 20.0, len(groups)) * (rng.random(len(groups)) < 0.7)
    total = weight * rng.normal(8.5, 0.5, len(groups))
    found = group_means(total, weight, np.array(groups))
    np.testing.assert_allclose(
        found, reference.group_means(total.tolist(), weight.tolist(), groups), **NEAR
    )


def test_a_group_without_days_has_the_chains_mean_and_a_chain_without_any_zero() -> None:
    groups = np.array([0, 1, 2])
    total, weight = np.array([80.0, 90.0, 0.0]), np.array([10.0, 10.0, 0.0])
    assert group_means(total, weight, groups).tolist() == pytest.approx([8.25, 8.75, 8.5])
    # a single day long ago, which counts a quarter
    long_ago = group_means(np.array([2.0, 0.0, 0.0]), np.array([0.25, 0.0, 0.0]), groups)
    assert long_ago.tolist() == pytest.approx([8.0, 8.0, 8.0])
    nothing = np.zeros(3)
    assert group_means(nothing, nothing, groups).tolist() == [0.0, 0.0, 0.0]
