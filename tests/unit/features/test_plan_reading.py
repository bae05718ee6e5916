"""Every plan feature compared with a day-by-day reading of generated plans, and at its limits.

See the texts of ``plan_feature_names`` for the definitions, and ``support.plan_reference`` for the
reading.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import frozen_world
from support.feature_tests import with_own_test
from support.plan_reference import (
    PlanDay,
    StorePlan,
    attribute_reading,
    calendar_reading,
    plan_frame,
    plan_reading,
    store_frame,
    store_plans,
)

from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.plan import plan_feature_names, plan_features

# Plans across years, with a leap day, an early and a late Easter, and an extra holiday.
FIRST_DAYS = [
    date(2012, 2, 1),
    date(2013, 12, 20),
    date(2014, 2, 24),
    date(2015, 3, 1),
    date(2016, 1, 1),
    date(2016, 12, 31),
    date(2017, 10, 1),
    date(2015, 4, 20),
]
MONTHS = [None, "", "Jan,Apr,Jul,Oct", "Feb,May,Aug,Nov", "Mar,Jun,Sep,Dec"]


def grids(plans: dict[int, StorePlan]) -> tuple[PlanGrid, StoreGrid]:
    stores = StoreGrid.from_frame(store_frame(list(plans)))
    return PlanGrid.from_frame(plan_frame(plans), stores), stores


def read(plan: StorePlan) -> dict[str, list[float]]:
    """Return the product's features of one store's plan, one value per day."""
    grid, stores = grids({1: plan})
    return {
        name: np.broadcast_to(values, grid.is_open.shape)[0].tolist()
        for name, values in plan_features(grid, stores).items()
    }


def plan_of(days: list[PlanDay | None], first: date = date(2015, 6, 1)) -> StorePlan:
    """Build a plan of these days, from a Monday in summer on; None is a day without a row."""
    rows = {
        first + timedelta(days=number): row for number, row in enumerate(days) if row is not None
    }
    return StorePlan(first, first + timedelta(days=len(days) - 1), rows)


OPEN = PlanDay(is_open=True)
PROMO = PlanDay(is_open=True, is_promo=True)
SCHOOL = PlanDay(is_open=True, is_school_holiday=True)
CLOSED = PlanDay()


@given(data=st.data(), first=st.sampled_from(FIRST_DAYS), days=st.sampled_from([1, 2, 30, 100]))
@settings(max_examples=20, phases=[Phase.generate], deadline=None, derandomize=True)
def test_features_equal_a_day_by_day_reading(data: st.DataObject, first: date, days: int) -> None:
    plans = {store: data.draw(store_plans(first, days)) for store in (3, 8)}
    # the grid covers the days from the first row of any store to the last
    begins = min(min(plan.rows) for plan in plans.values())
    grid, stores = grids(plans)
    made = plan_features(grid, stores)
    chosen = {0, 1, grid.days - 2, grid.days - 1, *data.draw(st.sets(st.integers(0, days - 1)))}
    for row, plan in enumerate(plans.values()):
        seen = StorePlan(begins, plan.last, plan.rows)
        for column in sorted(number for number in chosen if 0 <= number < grid.days):
            day = begins + timedelta(days=column)
            found = {
                name: np.broadcast_to(values, grid.is_open.shape)[row, column]
                for name, values in made.items()
            }
            expected = plan_reading(seen, day)
            assert {name: found[name] for name in expected} == expected, (row, day)


def test_the_reading_and_the_product_name_the_same_features() -> None:
    plan = plan_of([OPEN])
    read_off = plan_reading(plan, plan.first)
    attributes = attribute_reading(store_frame([1]).row(0, named=True), plan.first)
    others = with_own_test("rossmann_ml.features.plan", frozen_world.PARAMS)
    assert [*read_off, *attributes] == [name for name in plan_feature_names() if name not in others]


@pytest.mark.parametrize("year", range(2012, 2021))
def test_every_day_of_a_year_has_the_calendar_of_a_plain_reading(year: int) -> None:
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    made = read(plan_of([OPEN] * days, first=date(year, 1, 1)))
    for number in range(days):
        expected = calendar_reading(date(year, 1, 1) + timedelta(days=number))
        assert {name: made[name][number] for name in expected} == expected, number


def test_a_promotion_is_numbered_to_its_13th_day_and_counted_down_from_there() -> None:
    made = read(plan_of([OPEN, *[PROMO] * 16, OPEN]))
    assert made["promo_day_number"] == [-1, *range(14), 13, 13, -1]
    assert made["days_to_promo_end"] == [-1, 13, 13, *range(13, -1, -1), -1]


def test_a_promotion_over_the_end_of_the_plan_has_the_largest_length() -> None:
    made = read(plan_of([PROMO, PROMO, OPEN, PROMO]))
    assert made["promo_day_number"] == [13, 13, -1, 0]
    assert made["days_to_promo_end"] == [1, 0, -1, 13]


@pytest.mark.parametrize(("gap", "expected"), [(1, 1), (13, 13), (14, 14), (15, 14)])
def test_the_days_between_two_promotions_are_those_without_one(gap: int, expected: int) -> None:
    made = read(plan_of([PROMO, PROMO, *[OPEN] * gap, PROMO, PROMO]))
    assert made["days_between_promos"] == [14, 14, *[-1] * gap, expected, expected]


def test_a_promotion_hides_the_one_before_it_from_its_60th_day_on() -> None:
    made = read(plan_of([PROMO, OPEN, OPEN, *[PROMO] * 62]))
    assert made["days_between_promos"] == [14, -1, -1, *[2] * 59, 14, 14, 14]


@pytest.mark.parametrize("away", [13, 14])
def test_days_to_a_promotion_are_at_most_14(away: int) -> None:
    made = read(plan_of([PROMO, *[OPEN] * (away - 1), OPEN, *[OPEN] * (away - 1), PROMO]))
    assert made["days_since_promo"][away] == away
    assert made["days_until_promo"][away] == away
    assert max(made["days_since_promo"][:-1]) == 14
    assert max(made["days_until_promo"]) == 14


def test_the_weeks_around_a_day_are_the_7_days_before_and_after_it() -> None:
    made = read(plan_of([PROMO, *[OPEN] * 7, PROMO]))
    assert made["promo_days_last_week"] == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert made["promo_days_next_week"] == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert made["closed_days_last_week"] == [0] * 9
    shut = read(plan_of([CLOSED, *[OPEN] * 7, CLOSED]))
    assert shut["closed_days_last_week"] == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert shut["closed_days_next_week"] == [0, 1, 1, 1, 1, 1, 1, 1, 0]


def test_holidays_of_all_kinds_side_by_side_are_each_the_next_on_their_day() -> None:
    kinds = ["0", "a", "b", "c", "0", "b"]
    made = read(plan_of([PlanDay(True, False, kind) for kind in kinds]))
    assert made["state_holiday"] == [0, 1, 2, 3, 0, 2]
    assert made["next_state_holiday"] == [1, 1, 2, 3, 2, 2]
    assert made["days_since_state_holiday"] == [14, 0, 0, 0, 1, 0]
    assert made["days_until_state_holiday"] == [1, 0, 0, 0, 1, 0]


def test_a_holiday_14_days_off_is_not_named_yet() -> None:
    made = read(plan_of([*[OPEN] * 14, PlanDay(True, False, "c")]))
    assert made["days_until_state_holiday"] == [*range(14, -1, -1)]
    assert made["next_state_holiday"] == [0, *[3] * 14]


def test_school_holidays_are_counted_to_the_14th_day_from_either_end() -> None:
    made = read(plan_of([OPEN, *[SCHOOL] * 17, OPEN]))
    assert made["days_since_school_holiday_start"] == [-1, *range(15), 14, 14, -1]
    assert made["days_until_school_holiday_end"] == [-1, 14, 14, *range(14, -1, -1), -1]
    assert made["days_until_school_holiday"] == [1, *[0] * 17, 14]
    assert made["school_days_since_holiday"] == [14, *[0] * 17, 1]


@pytest.mark.parametrize(("closure", "expected"), [(13, 60), (14, 1), (15, 1)])
def test_a_closure_is_long_from_14_days_on(closure: int, expected: int) -> None:
    made = read(plan_of([OPEN, *[CLOSED] * closure, OPEN]))
    assert made["days_since_long_closure"][-1] == expected
    assert made["days_since_long_closure"][-2] == expected - 1 + (expected == 60)


def test_the_end_of_a_long_closure_is_remembered_for_60_days() -> None:
    made = read(plan_of([OPEN, *[CLOSED] * 14, *[OPEN] * 62]))
    assert made["days_since_long_closure"][14:] == [*range(61), 60, 60]


def test_a_store_without_rows_is_closed_until_it_opens() -> None:
    plans = {1: plan_of([OPEN] * 20), 2: plan_of([*[None] * 15, OPEN, OPEN, OPEN, OPEN, OPEN])}
    made = plan_features(*grids(plans))
    assert made["days_until_closed"][1].tolist() == [*[0] * 15, *[14] * 5]
    assert made["days_since_closed"][1].tolist() == [*[0] * 15, 1, 2, 3, 4, 5]
    assert made["days_since_long_closure"][1].tolist() == [*[60] * 13, 0, 0, 1, 2, 3, 4, 5]
    assert made["days_since_closed"][0].tolist() == [14] * 20


attributes = st.fixed_dictionaries(
    {
        "competition_distance_m": st.none() | st.sampled_from([0.0, 1.0, 20.0, 75860.0]),
        "competition_open_since": st.none() | st.dates(date(1900, 1, 1), date(2017, 1, 1)),
        "has_promo2": st.booleans(),
        "promo2_since": st.none() | st.dates(date(2013, 6, 1), date(2014, 6, 1)),
        "promo2_months": st.sampled_from(MONTHS),
    }
)


@given(stores=st.lists(attributes, min_size=1, max_size=4), number=st.integers(0, 399))
@settings(max_examples=15, phases=[Phase.generate], deadline=None, derandomize=True)
def test_promo2_and_competition_are_what_a_plain_reading_finds(
    stores: list[dict[str, object]], number: int
) -> None:
    ids = list(range(1, len(stores) + 1))
    table = store_frame(ids, **{name: [one[name] for one in stores] for name in stores[0]})
    first = date(2013, 7, 1) + timedelta(days=number)
    grid = PlanGrid.from_frame(
        plan_frame({1: plan_of([OPEN, OPEN, OPEN], first)}), StoreGrid.from_frame(table)
    )
    made = plan_features(grid, StoreGrid.from_frame(table))
    for row, store in enumerate(stores):
        for column in range(3):
            for name, expected in attribute_reading(store, first + timedelta(days=column)).items():
                found = np.broadcast_to(made[name], (len(stores), 3))[row, column]
                # features are 32-bit floats
                assert found == pytest.approx(expected, rel=1e-6, nan_ok=True), (name, store)


def test_promo2_begins_on_its_first_day_and_in_no_month_before() -> None:
    table = store_frame(
        [1], has_promo2=[True], promo2_since=[date(2014, 1, 13)], promo2_months=["Jan,Apr,Jul,Oct"]
    )
    stores = StoreGrid.from_frame(table)
    plan = plan_frame({1: plan_of([OPEN] * 22, date(2014, 1, 12))})
    made = plan_features(PlanGrid.from_frame(plan, stores), stores)
    weeks = made["promo2_weeks"][0]
    assert weeks[[0, 1, 8, 15]].tolist() == [-1, 0, 1, 2]
    assert weeks[2] == np.float32(1 / 7)
    # 1 February is the 21st day
    assert made["is_promo2_month"][0].tolist() == [0, *[1] * 19, 0, 0]


def test_a_competitor_counts_from_its_first_day_to_36_months() -> None:
    opened = date(2012, 1, 1)
    stores = StoreGrid.from_frame(store_frame([1], competition_open_since=[opened]))

    def months(days: int) -> float:
        plan = plan_frame({1: plan_of([OPEN], opened + timedelta(days=days))})
        made = plan_features(PlanGrid.from_frame(plan, stores), stores)
        return float(made["competition_months"][0, 0])

    assert [months(-1), months(0)] == [-1, 0]
    assert months(487) == 16  # 487 days are sixteen months of 30.4375 days
    assert months(1095) == pytest.approx(35.975, rel=1e-3)
    assert months(1096) == months(4000) == 36


def test_nothing_known_of_competition_and_promo2_is_minus_one_or_nan() -> None:
    stores = StoreGrid.from_frame(store_frame([1]))
    made = plan_features(PlanGrid.from_frame(plan_frame({1: plan_of([OPEN])}), stores), stores)
    assert math.isnan(made["competition_distance_log_m"][0, 0])
    assert made["competition_months"][0, 0] == made["promo2_weeks"][0, 0] == -1
    assert made["is_promo2_month"][0, 0] == 0
