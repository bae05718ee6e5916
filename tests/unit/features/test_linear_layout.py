"""The arrays of a linear design: parts, spans of days, another plan, products with coefficients.

See the docstrings of ``LinearDesign`` and its methods for the definitions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import frozen_world
from support.random_world import random_plan

from rossmann_ml.features.grid import PlanGrid
from rossmann_ml.features.linear_design import LinearDesign

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

QUICK = settings(max_examples=20, deadline=None, derandomize=True)
FIRST_DAY = date(2014, 3, 3)
PARTS = ("day_columns", "promo_columns", "is_promo", "store_columns")
spans = st.tuples(st.integers(0, 39), st.integers(1, 40)).filter(lambda span: span[0] < span[1])


def any_plan(seed: int, stores: int = 3, days: int = 40) -> PlanGrid:
    return random_plan(np.random.default_rng(seed), FIRST_DAY, stores, days)


@given(seed=st.integers(0, 999), span=spans)
@QUICK
def test_a_row_is_day_columns_then_promo_columns_on_promotion_days_then_store_columns(
    seed: int, span: tuple[int, int]
) -> None:
    plan = any_plan(seed)
    design = LinearDesign.from_plan(plan)
    rows = design.rows(*span)
    for store in range(3):
        for place, day in enumerate(range(*span)):
            promo = design.promo_columns[:, day]
            expected = [
                *design.day_columns[:, day],
                *(promo if plan.is_promo[store, day] else np.zeros(len(promo))),
                *design.store_columns[:, store, day],
            ]
            assert rows[store, :, place].tolist() == expected
    assert rows.dtype == np.float32
    assert rows.shape == (3, design.columns, span[1] - span[0])


@given(seed=st.integers(0, 999), span=spans, rows=st.sampled_from([1, 3]))
@QUICK
def test_combining_is_the_plain_product_of_rows_and_coefficients(
    seed: int, span: tuple[int, int], rows: int
) -> None:
    design = LinearDesign.from_plan(any_plan(seed))
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=(rows, design.columns)).astype(np.float32)
    laid_out = design.rows(*span).astype(np.float64)
    of_each = np.broadcast_to(coefficients.astype(np.float64), (3, design.columns))
    expected = [
        [of_each[store] @ laid_out[store, :, day] for day in range(span[1] - span[0])]
        for store in range(3)
    ]
    # sums of about twenty 32-bit products of size one
    np.testing.assert_allclose(design.combine(coefficients, *span), expected, atol=5e-6)


@given(seed=st.integers(0, 999), span=spans)
@QUICK
def test_a_span_contains_only_its_days_with_their_dates(seed: int, span: tuple[int, int]) -> None:
    design = LinearDesign.from_plan(any_plan(seed))
    first, last = span
    part = design.span(first, last)
    assert part.first_date == FIRST_DAY + timedelta(days=first)
    np.testing.assert_array_equal(part.rows(0, last - first), design.rows(first, last))
    assert part.is_promo.shape == (3, last - first)
    for name in PARTS:
        # a view would keep the other days in memory
        assert not np.shares_memory(getattr(part, name), getattr(design, name))


@given(seed=st.integers(0, 999), rows=st.sets(st.integers(0, 2), min_size=1), span=spans)
@QUICK
def test_another_plan_in_some_stores_is_the_design_of_the_whole_plan_changed_there(
    seed: int, rows: set[int], span: tuple[int, int]
) -> None:
    chosen = np.array(sorted(rows))
    given_plan, other = any_plan(seed), any_plan(seed + 5000)
    merged = {
        name: getattr(given_plan, name).copy()
        for name in ("is_open", "is_promo", "state_holiday", "is_school_holiday")
    }
    for name, values in merged.items():
        values[chosen] = getattr(other, name)[chosen]
    expected = LinearDesign.from_plan(replace(given_plan, **merged))
    design = LinearDesign.from_plan(given_plan)
    before = design.rows(0, 40)

    replanned = design.span(*span).replanned(chosen, other.of_stores(chosen))

    assert replanned.first_date == FIRST_DAY + timedelta(days=span[0])
    np.testing.assert_array_equal(
        replanned.rows(0, span[1] - span[0]), expected.rows(*span), strict=True
    )
    np.testing.assert_array_equal(design.rows(0, 40), before)


def test_fourteen_more_days_of_another_plan_are_enough_on_either_side() -> None:
    plan = frozen_world.inputs().plan
    start = plan.column(frozen_world.ORIGIN) + 1
    days = slice(start - 14, start + 42 + 14)
    chosen = np.arange(12)
    near = PlanGrid(
        plan.first_date + timedelta(days=days.start),
        plan.is_open[:, days],
        plan.is_promo[:, days],
        plan.state_holiday[:, days],
        plan.is_school_holiday[:, days],
    )
    design = LinearDesign.from_plan(plan).span(start, start + 42)
    replanned = design.replanned(chosen, near)
    np.testing.assert_array_equal(replanned.rows(0, 42), design.rows(0, 42))


def test_a_design_is_of_32_bit_numbers_and_cannot_be_changed() -> None:
    design = LinearDesign.from_plan(any_plan(1))
    assert {getattr(design, name).dtype for name in PARTS} == {np.dtype(np.float32)}
    with pytest.raises(AttributeError):
        design.first_date = FIRST_DAY  # type: ignore[misc]
