"""The robust z score of a store's newest week against a reference in loops.

Definition: the docstrings of ``drift.stores``; Iglewicz and Hoaglin, How to Detect and Handle
Outliers (1993): 1.4826 times the median absolute deviation estimates the standard deviation.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import median

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.base.params.drift import StoreParams
from rossmann_ml.monitoring.drift.stores import (
    _near_holidays,
    reopened_stores,
    store_deviations,
    stores_off_level,
)

LAST = date(2015, 7, 31)  # a Friday
SCHEMA = {
    "store_id": pl.Int32,
    "day": pl.Date,
    "sales": pl.Float64,
    "is_promo": pl.Boolean,
    "state_holiday": pl.String,
}


def left_out(holidays: set[date]) -> set[date]:
    """Return holidays with their neighbours; three days around those up to three days apart."""
    out = set()
    for day in holidays:
        is_lonely = all(other == day or abs((other - day).days) > 3 for other in holidays)
        reach = 1 if is_lonely else 3
        out |= {day + timedelta(days=n) for n in range(-reach, reach + 1)}
    return out


def reference(rows: list[tuple], last_day: date) -> dict[int, tuple[float, float]]:
    """Return z and the change in logs, by store."""
    out = left_out({day for _, day, _, _, holiday in rows if holiday != "0"})
    logs = {
        (store, day, promo): math.log(sales)
        for store, day, sales, promo, _ in rows
        # the newest week and 26 before it
        if sales > 0 and day not in out and 0 <= (last_day - day).days <= 27 * 7 - 1
    }
    alike = defaultdict(list)
    for (store, day, promo), log in logs.items():
        alike[store, day.weekday(), promo].append(log)
    own = {
        (store, day): log - median(alike[store, day.weekday(), promo])
        for (store, day, promo), log in logs.items()
    }
    of_day, of_week = defaultdict(list), defaultdict(list)
    for (_, day), value in own.items():
        of_day[day].append(value)
    for (store, day), value in own.items():
        of_week[store, (last_day - day).days // 7].append(value - median(of_day[day]))
    weeks = {key: median(values) for key, values in of_week.items() if len(values) >= 3}
    found = {}
    for (store, week), newest in weeks.items():
        past = [value for (other, n), value in weeks.items() if other == store and n >= 1]
        if week == 0 and len(past) >= 8:
            level = median(past)
            spread = 1.4826 * median([abs(value - level) for value in past])
            found[store] = ((newest - level) / max(spread, 0.03), newest - level)
    return found


def frame(rows: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def world(seed: int, *, stores: int, missing: float, holidays: set[int], noise: float):
    """Draw rows of 200 days, of which the last 189 count."""
    draw = random.Random(seed)
    return [
        (
            store,
            day,
            draw.choice([0.0, 0.5] + [round(5000 * math.exp(draw.gauss(0, noise)), 2)] * 18),
            day.weekday() < 5 and (day.toordinal() // 7 + draw.randrange(2)) % 2 == 0,
            "a" if back in holidays else "0",
        )
        for store in range(1, stores + 1)
        for back in range(200)
        if draw.random() >= missing
        for day in [LAST - timedelta(days=back)]
    ]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    stores=st.integers(1, 4),
    missing=st.sampled_from([0.0, 0.3, 0.75]),
    holidays=st.sets(st.integers(0, 60), max_size=4),
    noise=st.sampled_from([0.01, 0.4]),
)
def test_deviations_equal_the_plain_reference(seed, stores, missing, holidays, noise):
    rows = world(seed, stores=stores, missing=missing, holidays=holidays, noise=noise)
    found = store_deviations(frame(rows), last_day=LAST)
    expected = reference(rows, LAST)
    by_store = {store: (z, change) for store, z, change in found.iter_rows()}
    assert set(by_store) == set(expected)
    for store, (z, move) in expected.items():
        # logarithms of two libraries may differ in the last digit
        assert by_store[store] == pytest.approx((z, math.exp(move) - 1), rel=1e-9, abs=1e-9)
    order = [(-abs(z), store) for store, z, _ in found.iter_rows()]
    assert order == sorted(order)


def steady(weeks: int, *, newest: dict[int, float], days: int = 3) -> list[tuple]:
    """Return three stores that sell 1000 on some days of each week, on others in the newest."""
    return [
        (store, LAST - timedelta(days=7 * week + back), sales, False, "0")
        for store in (1, 2, 3)
        for week in range(weeks + 1)
        for back in range(days)
        for sales in [newest.get(store, 1000.0) if week == 0 else 1000.0]
    ]


def z_of(rows: list[tuple], store: int) -> float | None:
    found = store_deviations(frame(rows), last_day=LAST).filter(pl.col("store_id") == store)
    return found["z"].item() if len(found) else None


@pytest.mark.parametrize(("weeks", "is_judged"), [(7, False), (8, True)])
def test_a_level_needs_eight_weeks_before(weeks: int, is_judged: bool):
    assert (z_of(steady(weeks, newest={}), 1) is not None) == is_judged


@pytest.mark.parametrize(("days", "is_judged"), [(2, False), (3, True)])
def test_a_week_needs_three_days(days: int, is_judged: bool):
    assert (z_of(steady(10, newest={}, days=days), 1) is not None) == is_judged


def test_a_steady_stores_spread_is_three_percent():
    found = z_of(steady(10, newest={1: 1000 * math.e}), 1)
    # up by one log unit over a spread of 0.03, and the store's median of such days stays 1000
    assert found == pytest.approx(1 / 0.03)


def test_equally_far_stores_come_in_the_order_of_their_numbers():
    found = store_deviations(frame(steady(10, newest={3: 2000.0, 1: 500.0})), last_day=LAST)
    assert found["store_id"].to_list() == [1, 3, 2]
    assert found["change"].to_list() == pytest.approx([-0.5, 1.0, 0.0])


@pytest.mark.parametrize(
    ("apart", "back", "is_judged"),
    [
        (3, 8, False),  # three days around both: two days of the week are left
        (4, 8, True),  # one day around each
        (None, 3, True),
    ],
)
def test_three_days_are_left_out_around_holidays_three_days_apart(
    apart: int | None, back: int, is_judged: bool
):
    holidays = {back} if apart is None else {back, back - apart}
    rows = [
        (store, day, sales, promo, "b" if (LAST - day).days in holidays else "0")
        for store, day, sales, promo, _ in steady(10, newest={}, days=7)
    ]
    assert (z_of(rows, 1) is not None) == is_judged
    assert (1 in reference(rows, LAST)) == is_judged


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 5, 8])
def test_days_left_out_around_two_holidays_equal_the_reference(apart: int):
    two = [LAST, LAST + timedelta(days=apart)]
    assert _near_holidays(pl.Series(two)) == sorted(left_out(set(two)))


def test_a_holiday_of_one_state_is_left_out_for_all_stores():
    rows = steady(10, newest={}, days=4)
    rows[1] = (*rows[1][:4], "a")  # one day earlier, in store 1
    assert [z_of(rows, store) for store in (1, 2, 3)] == [None, None, None]


@pytest.mark.parametrize(
    ("z", "change", "is_off"),
    [
        (7.0, 1.0, True),
        (-7.0, -0.5, True),
        (math.nextafter(7, 0), 1.0, False),
        (-math.nextafter(7, 0), -0.5, False),
        (99.0, 0.999999, False),
        (-99.0, -0.499999, False),
        (99.0, 3.0, True),
        (-99.0, -0.9, True),
        (99.0, 0.0, False),
    ],
)
def test_a_store_is_off_its_level_from_both_limits_on_up_or_down(
    z: float, change: float, is_off: bool
):
    # a doubling or a halving, at least seven robust standard deviations away
    params = StoreParams(min_z=7.0, min_change=1.0)
    one = pl.DataFrame({"store_id": [1], "z": [z], "change": [change]})
    assert len(stores_off_level(one, params)) == is_off


def test_limits_of_a_store_must_be_above_zero():
    assert StoreParams(min_z=0.1, min_change=0.1).min_z == 0.1
    for wrong in ({"min_z": 0.0, "min_change": 0.75}, {"min_z": 7.0, "min_change": 0.0}):
        with pytest.raises(ValueError, match="greater than 0"):
            StoreParams(**wrong)


@pytest.mark.parametrize(
    ("store", "days_back", "reopened"),
    [
        ("sells every day", range(200), False),
        ("was closed for six days", [*range(10), *range(16, 200)], False),
        ("was closed for a week", [*range(10), *range(17, 200)], True),
        ("reopened 13 days ago", [*range(14), *range(150, 200)], True),
        ("reopened 14 days ago", [*range(15), *range(150, 200)], False),
        ("opened a week ago", range(8), True),
        ("closed a week ago", range(8, 200), False),
    ],
)
def test_a_store_that_opened_or_reopened_within_two_weeks_is_left_out(
    store: str, days_back: Iterable[int], reopened: bool
) -> None:
    rows = [(1, LAST - timedelta(days=back), 100.0, False, "0") for back in days_back]
    closed = [(1, LAST - timedelta(days=back), 0.0, False, "0") for back in range(200)]
    absent = {day for _, day, *_ in rows}
    rows += [row for row in closed if row[1] not in absent]
    assert reopened_stores(frame(rows), last_day=LAST) == ([1] if reopened else []), store
