"""The decayed sums of the linear forecast: products of each day, and weights by its age.

By the comments of ``rossmann_ml.features.linear``, days are summed in blocks of 91 from the first
day on and age in whole blocks, with half-lives of 730 days for a store and 1460 for the chain;
8.5 is subtracted from log sales.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_world import random_inputs

from rossmann_ml.features.grid import SalesGrid
from rossmann_ml.features.linear import LinearSums, running_sums
from rossmann_ml.features.linear_design import LinearDesign
from rossmann_ml.features.panel import FeatureInputs

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

FIRST_DAY = date(2013, 5, 6)
FLOAT32 = 2e-6  # relative error of sums of up to a few hundred 32-bit products


def weight(day: int, days: int, half_life: float) -> float:
    newest_block, block = (days - 1) // 91, day // 91
    return 0.5 ** ((newest_block - block) * 91 / half_life)


def laid_out(inputs: FeatureInputs, design: LinearDesign, store: int, day: int) -> np.ndarray:
    """Return the columns of a store-day, a 1 and its log sales minus 8.5."""
    in_plan = day + (inputs.sales.first_date - inputs.plan.first_date).days
    columns = design.rows(in_plan, in_plan + 1)[store, :, 0].astype(np.float64)
    return np.append(columns, [1.0, np.log(inputs.sales.sales[store, day]) - 8.5])


def plain_sums(inputs: FeatureInputs, design: LinearDesign, days: int) -> dict[str, np.ndarray]:
    stores, size = len(inputs.sales.sales), design.columns + 2
    of_stores, totals = np.zeros((stores, size, size)), np.zeros((stores, size))
    chain = np.zeros((size, size))
    for store in range(stores):
        for day in range(days):
            if inputs.sales.sales[store, day] > 0:
                row = laid_out(inputs, design, store, day)
                of_stores[store] += weight(day, days, 730) * np.outer(row, row)
                chain += weight(day, days, 1460) * np.outer(row, row)
                totals[store] += weight(day, days, 1460) * row
    return {"stores": of_stores, "chain": chain, "store_totals": totals}


def assert_sums(sums: LinearSums, expected: dict[str, np.ndarray]) -> None:
    for name, values in expected.items():
        found = getattr(sums, name)
        assert found.shape == values.shape
        scale = np.abs(values).max() + 1e-9
        np.testing.assert_allclose(found, values, rtol=FLOAT32, atol=FLOAT32 * scale, err_msg=name)


@given(
    seed=st.integers(0, 2**32 - 1),
    stores=st.integers(1, 2),
    origins=st.lists(
        st.sampled_from([1, 2, 57, 90, 91, 92, 93, 181, 182, 183, 200]), min_size=1, max_size=3
    ),
    plan_before=st.sampled_from([0, 5]),
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_the_sums_are_each_days_products_by_age_in_blocks(
    seed: int, stores: int, origins: list[int], plan_before: int
) -> None:
    inputs = random_inputs(
        seed, stores=stores, days=200, first_day=FIRST_DAY, plan_before=plan_before
    )
    design = LinearDesign.from_plan(inputs.plan)
    counts = sorted(origins)
    days = [FIRST_DAY + timedelta(days=count - 1) for count in counts]
    found = list(running_sums(inputs.sales, design, days))
    assert [sums.forecast_origin for sums in found] == days
    for sums, count in zip(found, counts, strict=True):
        assert_sums(sums, plain_sums(inputs, design, count))


@pytest.mark.parametrize(
    ("day", "days", "blocks_ago"),
    [
        (0, 1, 0),
        (0, 91, 0),
        (0, 92, 1),
        (90, 182, 1),
        (91, 182, 0),
        (90, 183, 2),
        (91, 183, 1),
        (182, 183, 0),
        (0, 730, 8),
    ],
)
def test_a_day_counts_by_the_whole_blocks_of_91_days_since(
    day: int, days: int, blocks_ago: int
) -> None:
    inputs = random_inputs(3, stores=1, days=730, first_day=FIRST_DAY)
    sales = np.full((1, 730), np.nan)
    sales[0, day] = 4000.0
    design = LinearDesign.from_plan(inputs.plan)
    origin = FIRST_DAY + timedelta(days=days - 1)
    (sums,) = running_sums(SalesGrid(FIRST_DAY, sales), design, [origin])
    assert sums.stores[0, -2, -2] == pytest.approx(0.5 ** (91 * blocks_ago / 730), rel=1e-6)
    assert sums.chain[-2, -2] == pytest.approx(0.5 ** (91 * blocks_ago / 1460), rel=1e-12)
    assert sums.store_totals[0, -2] == pytest.approx(0.5 ** (91 * blocks_ago / 1460), rel=1e-12)


def test_the_same_origin_may_occur_twice() -> None:
    inputs = random_inputs(4, stores=2, days=100, first_day=FIRST_DAY)
    origin = FIRST_DAY + timedelta(days=99)
    one, other = running_sums(inputs.sales, LinearDesign.from_plan(inputs.plan), [origin, origin])
    np.testing.assert_array_equal(one.stores, other.stores)


def test_an_earlier_origin_after_a_later_one_is_refused() -> None:
    inputs = random_inputs(4, stores=1, days=10, first_day=FIRST_DAY)
    origins = [FIRST_DAY + timedelta(days=days) for days in (3, 5, 4)]
    with pytest.raises(ValueError, match="the origins do not ascend"):
        next(running_sums(inputs.sales, LinearDesign.from_plan(inputs.plan), origins))


def test_sales_of_a_closed_or_unknown_day_do_not_count() -> None:
    inputs = random_inputs(5, stores=1, days=3, first_day=FIRST_DAY)
    sales = SalesGrid(FIRST_DAY, np.array([[0.0, np.nan, 1.0]]))
    design = LinearDesign.from_plan(inputs.plan)
    (sums,) = running_sums(sales, design, [FIRST_DAY + timedelta(days=2)])
    assert sums.chain[-2, -2] == 1.0
    assert sums.chain[-1, -1] == pytest.approx(8.5**2, rel=1e-6)
