"""The columns of the linear forecast compared with a day-by-day reading of the plan.

See the docstrings of ``rossmann_ml.features.linear_design`` and decision 7 (the month in working
days) for the definitions, and ``support.linear_reference`` for the reference.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import frozen_world, linear_reference
from support.random_world import random_plan

from rossmann_ml.features.grid import PlanGrid
from rossmann_ml.features.linear_design import LinearDesign

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

# columns are 32-bit floats
FLOAT32 = {"rtol": 3e-7, "atol": 3e-7}
# group of causes of each topic of columns
CAUSES = {
    "weekday": "weekday", "promo": "promo", "special_day": "holidays", "holiday": "holidays",
    "closing": "holidays", "month": "season", "season": "season", "trend": "trend",
}  # fmt: skip
COLUMNS = linear_reference.COLUMNS
FRIDAY = date(2015, 5, 29)


@pytest.fixture(scope="module")
def frozen_rows() -> np.ndarray:
    plan = frozen_world.inputs().plan
    return LinearDesign.from_plan(plan).rows(0, plan.days)


def plan_of(days: int, *, closed=(), promo=(), holiday=(), school=(), first=FRIDAY) -> PlanGrid:
    """Build the plan of one store that is open on all days except the given ones."""

    def marks(numbers) -> np.ndarray:
        return np.isin(np.arange(days), list(numbers))[None, :]

    return PlanGrid(
        first, ~marks(closed), marks(promo), marks(holiday).astype(np.int8), marks(school)
    )


def column(plan: PlanGrid, name: str) -> list[float]:
    """Return a column of the plan's first store by its name in the reference."""
    number = next(n for n, each in enumerate(COLUMNS) if each.name == name)
    return LinearDesign.from_plan(plan).rows(0, plan.days)[0, number].tolist()


@pytest.mark.parametrize("number", range(len(COLUMNS)), ids=[each.name for each in COLUMNS])
def test_every_column_is_its_definition_on_every_store_day_of_the_frozen_world(
    number: int, frozen_rows: np.ndarray
) -> None:
    expected = linear_reference.frozen_rows()[:, number]
    np.testing.assert_allclose(frozen_rows[:, number], expected, **FLOAT32)


@given(
    seed=st.integers(0, 2**32 - 1),
    first_day=st.dates(date(2013, 1, 1), date(2015, 12, 1)),
    stores=st.integers(1, 3),
    days=st.integers(1, 40),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_every_column_is_its_definition_on_any_plan(
    seed: int, first_day: date, stores: int, days: int
) -> None:
    plan = random_plan(np.random.default_rng(seed), first_day, stores, days)
    design = LinearDesign.from_plan(plan)
    np.testing.assert_allclose(design.rows(0, days), linear_reference.rows(plan), **FLOAT32)


def test_cause_and_penalty_of_each_column_match_its_definition() -> None:
    design = LinearDesign.from_plan(plan_of(3))
    assert design.columns == len(COLUMNS)
    assert list(design.causes) == [CAUSES[each.block] for each in COLUMNS]
    assert design.harmonic.tolist() == [each.harmonic for each in COLUMNS]
    assert design.slow.tolist() == [each.is_slow for each in COLUMNS]


@pytest.mark.parametrize(("gap", "follows"), [(1, 1.0), (3, 1.0), (4, 0.0)])
def test_a_promotion_follows_another_that_ended_at_most_three_days_before(
    gap: int, follows: float
) -> None:
    second = 2 + gap
    plan = plan_of(12, promo=[0, 1, second, second + 1, second + 2])
    marked = column(plan, "promo right after another")
    assert marked[:2] == [0.0, 0.0], "what ran before the plan begins is not known"
    assert marked[second : second + 3] == [follows] * 3
    assert sum(marked) == 3 * follows


@pytest.mark.parametrize(("days", "value"), [(36, 0.0), (35, 0.0), (34, 1 / 35), (0, 1.0)])
def test_the_weeks_to_christmas_rise_from_35_days_before(days: int, value: float) -> None:
    plan = plan_of(2, first=date(2014, 12, 24) - timedelta(days=days))
    assert column(plan, "the weeks to Christmas")[0] == pytest.approx(value, abs=1e-7)


def test_after_christmas_eve_there_is_no_rise() -> None:
    plan = plan_of(8, first=date(2014, 12, 24))
    assert column(plan, "the weeks to Christmas") == [1.0] + [0.0] * 7


def test_the_third_day_before_a_holiday_counts_and_the_fourth_does_not() -> None:
    plan = plan_of(9, holiday=[5])
    assert column(plan, "1 day before a holiday").index(1.0) == 4
    assert column(plan, "2 days before").index(1.0) == 3
    assert column(plan, "3 days before").index(1.0) == 2
    assert column(plan, "1 day after a holiday").index(1.0) == 6
    assert column(plan, "2 days after").index(1.0) == 7
    marked = sum(np.array(column(plan, each.name)) for each in COLUMNS if each.block == "holiday")
    assert marked.tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(("closed_days", "long"), [(6, 0.0), (7, 1.0), (8, 1.0), (20, 1.0)])
def test_a_long_closing_is_one_of_seven_days_or_more(closed_days: int, long: float) -> None:
    plan = plan_of(30, closed=range(2, 2 + closed_days))
    reopening = 2 + closed_days
    assert column(plan, "after 7 closed days")[reopening] == long
    assert column(plan, "after 2 closed days")[reopening] == 1.0
    assert column(plan, "before 2 closed days")[1] == 1.0
    assert sum(column(plan, "before 2 closed days")[: reopening - 2]) == reopening - 3
    assert column(plan, "before 2 closed days")[reopening - 2 :] == [0.0] * (30 - reopening + 2)


def test_a_closed_sunday_is_no_closing_and_a_closed_monday_is() -> None:
    # day 0 is a Friday, 2 the Sunday, 3 the Monday
    plan = plan_of(8, closed=[2])
    assert sum(column(plan, "before a closed day, Sundays aside")) == 0
    assert sum(column(plan, "after a closed day, Sundays aside")) == 0
    with_monday = plan_of(8, closed=[3])
    assert column(with_monday, "before a closed day, Sundays aside")[2] == 1.0
    assert column(with_monday, "after a closed day, Sundays aside")[4] == 1.0


def test_days_outside_the_plan_are_no_closings() -> None:
    plan = plan_of(3, closed=[])
    assert column(plan, "before a closed day, Sundays aside") == [0.0] * 3
    assert column(plan, "after a closed day, Sundays aside") == [0.0] * 3
