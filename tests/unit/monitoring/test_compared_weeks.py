"""Samples of the newest week and a comparable one, against a reference in loops.

Definitions: the docstrings of ``drift.windows`` and the table of docs/drift.md. The reference is
the week 51, 52 or 53 weeks before with the same promotions. Levels are logs minus the store's mean
of the eight weeks before each week, for days with and without promotion.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.monitoring.drift.sales_weeks import sales_samples
from rossmann_ml.monitoring.drift.windows import Window

LAST = date(2015, 7, 31)  # a Friday
WEEK = [LAST - timedelta(days=back) for back in range(6, -1, -1)]
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SCHEMA = {
    "store_id": pl.Int32, "state": pl.String, "day": pl.Date, "sales": pl.Float64,
    "customers": pl.Float64, "is_open": pl.Boolean, "is_promo": pl.Boolean,
    "state_holiday": pl.String,
}  # fmt: skip
LEVELS = ("sales_level", "customers_level", "spend_level")


def ago(days: int) -> date:
    return LAST - timedelta(days=days)


def frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA).sort("store_id", "day")


def row_of(store: int, day: date, **values: object) -> dict:
    ordinary = {"state": "HE", "sales": 5000.0, "customers": 500.0, "is_open": True}
    flags = {"is_promo": False, "state_holiday": "0"}
    return {"store_id": store, "day": day, **ordinary, **flags, **values}


def weeks_back(rows: list[dict]) -> int:
    """Return the days back to the week with the most similar promotions; 364 for ties."""

    def share(day: date) -> float:
        flags = [row["is_promo"] for row in rows if row["day"] == day]
        return sum(flags) / len(flags) if flags else 0.0

    apart = {
        shift: round(sum(abs(share(day) - share(day - timedelta(days=shift))) for day in WEEK), 1)
        for shift in (364, 357, 371)
    }
    return min(apart, key=lambda shift: (apart[shift], abs(shift - 364)))


def observed(rows: list[dict]) -> tuple[list, list]:
    """Return whether active stores have rows, in the newest week and the 28 days before."""
    there = {(row["store_id"], row["day"]) for row in rows}
    before = [WEEK[0] - timedelta(days=back) for back in range(28, 0, -1)]
    active = [
        store
        for store in sorted({store for store, _ in there})
        if sum((store, day) in there for day in before) >= 14
    ]

    def categories(days):
        return [
            f"{WEEKDAYS[day.weekday()]} {'row' if (store, day) in there else 'no row'}"
            for store in active
            for day in days
        ]

    return categories(WEEK), categories(before)


def levels(rows: list[dict], shift: int) -> dict[str, tuple[list, list]]:
    """Return logs minus the store's mean on days that are ordinary in both weeks, two or more."""
    holidays = {row["day"] for row in rows if row["state_holiday"] != "0"}

    def is_ordinary(day):
        return all(abs((day - holiday).days) > 3 for holiday in holidays)

    year = timedelta(days=shift)
    days = [day for day in WEEK if is_ordinary(day) and is_ordinary(day - year)]
    if len(days) < 2:
        return {}
    logs = {
        (row["store_id"], row["day"]): (
            row["is_promo"],
            (
                math.log(row["sales"]),
                math.log(row["customers"]),
                math.log(row["sales"] / row["customers"]),
            ),
        )
        for row in rows
        if row["sales"] > 0 and row["customers"] > 0
    }

    def side(first: date, of_days: list[date], figure: int) -> list[float]:
        own = defaultdict(list)
        for (store, day), (promo, values) in logs.items():
            if 1 <= (first - day).days <= 56:
                own[store, promo].append(values[figure])
        return [
            values[figure] - sum(own[store, promo]) / len(own[store, promo])
            for (store, day), (promo, values) in sorted(logs.items())
            if day in of_days and own[store, promo]
        ]

    found = {}
    for figure, name in enumerate(LEVELS):
        now = side(WEEK[0], days, figure)
        then = side(WEEK[0] - year, [day - year for day in days], figure)
        if now and then:
            found[name] = (now, then)
    return found


def pairs_of(rows: list[dict], shift: int) -> list[tuple[dict, dict]]:
    """Return store-days of the newest week with those a number of days before."""
    by_key = {(row["store_id"], row["day"]): row for row in rows}
    keys = [
        ((store, day), (store, day - timedelta(days=shift)))
        for store in sorted({store for store, _ in by_key})
        for day in WEEK
    ]
    return [(by_key[now], by_key[then]) for now, then in keys if now in by_key and then in by_key]


def world(seed: int, *, missing: float, holidays: set[int]) -> list[dict]:
    """Draw three stores over 434 days; promotions every other week, with a phase per year."""
    draw = random.Random(seed)
    phases = {True: draw.randrange(2), False: draw.randrange(2)}
    return [
        row_of(
            store,
            ago(back),
            state="HE" if store % 2 else "BY",
            sales=draw.choice([0.0, 0.5, 4000.0, 5000.0, 7000.5]),
            customers=draw.choice([0.0, 1.0, 400.0, 500.0, 650.0]),
            is_open=draw.random() < 0.8,
            is_promo=(back // 7 + phases[back < 200]) % 2 == 0 and draw.random() < 0.9,
            state_holiday="a" if back in holidays else "0",
        )
        for store in (1, 2, 3)
        for back in range(434)
        if draw.random() >= missing
    ]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    holidays=st.sets(st.sampled_from([-3, 0, 2, 9, 10, 360, 364, 374, 375]), max_size=2),
)
def test_samples_of_weeks_equal_the_plain_reference(seed, missing, holidays):
    rows = world(seed, missing=missing, holidays=holidays)
    samples = {each.feature: each for each in sales_samples(frame(rows), last_day=LAST)}
    shift = weeks_back(rows)
    pairs = pairs_of(rows, shift)
    ordinary = [
        (now, then) for now, then in pairs if {now["state_holiday"], then["state_holiday"]} == {"0"}
    ]
    closed = {  # all days of the week that have rows in both
        store
        for store in (1, 2, 3)
        for thens in [[then for _, then in pairs if then["store_id"] == store]]
        if len(thens) == 7 and not any(then["is_open"] for then in thens)
    }
    ordinary = [pair for pair in ordinary if pair[0]["store_id"] not in closed]

    def both(chosen, category):
        return tuple([category(pair[side]) for pair in chosen] for side in (0, 1))

    def weekday(row):
        return WEEKDAYS[row["day"].weekday()]

    def opening(row):
        return "open" if row["is_open"] else "closed"

    expected = {
        "observed_by_weekday": observed(rows),
        "promo_by_weekday": both(
            pairs, lambda row: f"{weekday(row)} {'promotion' if row['is_promo'] else 'none'}"
        ),
        "open_by_weekday": both(ordinary, lambda row: f"{weekday(row)} {opening(row)}"),
        "open_by_state": both(ordinary, lambda row: f"{row['state']} {opening(row)}"),
    }
    expected = {name: sides for name, sides in expected.items() if sides[0] and sides[1]}
    numbers = levels(rows, shift)
    assert set(samples) == {*expected, *numbers}
    for name, sides in expected.items():
        found = samples[name]
        assert (found.current.to_list(), found.reference.to_list()) == sides
    for name, sides in numbers.items():
        # sums of logs in another order differ in the last digits
        assert samples[name].current.to_list() == pytest.approx(sides[0], abs=1e-12)
        assert samples[name].reference.to_list() == pytest.approx(sides[1], abs=1e-12)
    for name, found in samples.items():
        before = Window(ago(34), ago(7)), Window(ago(6 + shift), ago(shift))
        assert found.kind == "sales"
        assert found.current_window == Window(ago(6), LAST)
        assert found.reference_window == before[name != "observed_by_weekday"]


def promoted(
    now: set[int], then: dict[int, set[int]], *, stores: int = 1, of: int = 1
) -> list[dict]:
    """Return rows of weeks in which some stores have promotions on some days."""
    return [
        row_of(store, day, is_promo=number in days and store <= of)
        for shift, days in {0: now, **then}.items()
        for number, newest in enumerate(WEEK)
        for day in [newest - timedelta(days=shift)]
        for store in range(1, stores + 1)
    ]


def shift_of(rows: list[dict]) -> int | None:
    """Return the days back to the reference week of promotions, if there is one."""
    for each in sales_samples(frame(rows), last_day=LAST):
        if each.feature == "promo_by_weekday":
            return (LAST - each.reference_window.last).days
    return None


@pytest.mark.parametrize(
    ("then", "shift"),
    [
        ({364: {0, 1}, 357: {0, 1}, 371: {0, 1}}, 364),
        ({364: {5}, 357: {0, 1}, 371: {0, 1}}, 357),
        ({364: {5}, 357: {4}, 371: {0, 1}}, 371),
        ({364: {5}, 357: {4}, 371: {3}}, 364),
        ({364: {0}, 357: {1}, 371: {3}}, 364),
        ({357: {0}, 371: {3}}, 357),
    ],
)
def test_of_three_weeks_the_one_with_the_most_similar_promotions_is_taken(
    then: dict[int, set[int]], shift: int
):
    assert shift_of(promoted({0, 1}, then)) == shift


def test_a_day_without_rows_ran_no_promotion():
    # 52 weeks before there are no rows: seven promotions differ, or none without promotions
    assert shift_of(promoted(set(range(7)), {357: {0, 1}})) == 357
    assert shift_of(promoted(set(), {357: {0}})) is None
    # the newest day has no rows yet: no promotion, as 51 weeks before
    rows = promoted(set(), {364: {6}, 357: set()})
    assert shift_of([row for row in rows if row["day"] != LAST]) == 357


@pytest.mark.parametrize(("of", "shift"), [(1, 364), (2, 357)])
def test_a_twentieth_of_a_day_is_not_worth_another_week(of: int, shift: int):
    # of 25 stores one (0.04, ignored) or two (0.08) had a promotion that the newest week lacks
    rows = promoted(set(), {364: {2}, 357: set()}, stores=25, of=of)
    assert shift_of(rows) == shift


@pytest.mark.parametrize(("rows_before", "is_active"), [(13, False), (14, True)])
def test_a_store_with_a_row_on_half_of_the_28_days_before_is_active(
    rows_before: int, is_active: bool
):
    rows = [row_of(1, ago(34 - number)) for number in range(rows_before)]
    rows.append(row_of(1, ago(35)))  # too early to count
    samples = sales_samples(frame([*rows, row_of(1, LAST)]), last_day=LAST)
    assert [each.feature for each in samples] == (["observed_by_weekday"] if is_active else [])
    if is_active:
        assert samples[0].current.to_list().count("Fri row") == 1
        assert len(samples[0].current) == 7
        assert len(samples[0].reference) == 28


@pytest.mark.parametrize(
    ("holiday", "ordinary"),
    [(8, 5), (-1, 4), (0, 3), (1, 2), (2, 0), (365, 2), (366, 0), (10, 7)],
)
def test_levels_need_two_days_that_are_ordinary_in_both_weeks(holiday: int, ordinary: int):
    rows = [row_of(1, ago(back)) for back in range(-1, 434)]
    next(row for row in rows if row["day"] == ago(holiday))["state_holiday"] = "a"
    samples = {each.feature: each for each in sales_samples(frame(rows), last_day=LAST)}
    assert set(LEVELS) & set(samples) == (set(LEVELS) if ordinary else set())
    if ordinary:
        assert len(samples["sales_level"].current) == ordinary


def test_levels_are_relative_to_the_stores_days_with_and_without_promotion():
    # e times the typical sales on a promotion day, half as many customers on another day
    last = {0: {"is_promo": True, "sales": 8000.0 * math.e}, 1: {"customers": 250.0}}
    rows = [
        row_of(1, ago(back), **{**usual, **last.get(back, {})})
        for back in range(434)
        for usual in [{"is_promo": back % 2 == 0, "sales": 8000.0 if back % 2 == 0 else 5000.0}]
    ]
    samples = {each.feature: each for each in sales_samples(frame(rows), last_day=LAST)}
    usual = [0.0] * 5
    assert samples["sales_level"].current.to_list() == pytest.approx([*usual, 0, 1], abs=1e-12)
    halved = math.log(0.5)
    assert samples["customers_level"].current.to_list() == pytest.approx(
        [*usual, halved, 0], abs=1e-12
    )
    assert samples["spend_level"].current.to_list() == pytest.approx(
        [*usual, -halved, 1], abs=1e-12
    )
    assert samples["sales_level"].reference.to_list() == pytest.approx([0.0] * 7, abs=1e-12)
