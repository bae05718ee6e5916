"""Samples of plans, features and forecasts for drift, against references in loops.

Definitions: the docstrings of drift_windows.py and the table of docs/drift.md.
"""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.monitoring.drift.sales_weeks import ordinary_days
from rossmann_ml.monitoring.drift.windows import (
    Sample,
    Window,
    feature_samples,
    forecast_samples,
    plan_samples,
)

ORIGIN = date(2015, 7, 31)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PLAN_SCHEMA = {
    "store_id": pl.Int32, "state": pl.String, "day": pl.Date, "is_open": pl.Boolean,
    "is_promo": pl.Boolean, "state_holiday": pl.String, "is_school_holiday": pl.Boolean,
}  # fmt: skip


def frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=PLAN_SCHEMA)


def day_of(store: int, day: date, **values: object) -> dict:
    ordinary = {"state": "HE", "is_open": True, "is_promo": False, "state_holiday": "0"}
    return {
        "store_id": store, "day": day, **ordinary, "is_school_holiday": False, **values
    }  # fmt: skip


def longest_closure(rows: list[dict]) -> int:
    """Return the longest run of closed days of a store."""
    longest = days = 0
    for row in sorted(rows, key=lambda row: row["day"]):
        days = 0 if row["is_open"] else days + 1
        longest = max(longest, days)
    return longest


def reference(rows: list[dict], horizon_days: int) -> dict[str, tuple[list, list]]:
    """Return, by feature, the current categories and those of 364 days before."""
    by_key = {(row["store_id"], row["day"]): row for row in rows}
    pairs = []
    for store in sorted({row["store_id"] for row in rows}):
        for ahead in range(1, horizon_days + 1):
            day = ORIGIN + timedelta(days=ahead)
            now = by_key.get((store, day))
            then = by_key.get((store, day - timedelta(days=364)))
            if now and then:
                pairs.append((now, then))
    thens = [then for _, then in pairs]
    rebuilt = {
        store
        for store in {then["store_id"] for then in thens}
        if longest_closure([then for then in thens if then["store_id"] == store]) >= 7
    }
    ordinary = [
        pair
        for pair in pairs
        if all(row["state_holiday"] == "0" for row in pair) and pair[0]["store_id"] not in rebuilt
    ]

    def sides(chosen, category):
        return tuple([category(pair[side]) for pair in chosen] for side in (0, 1))

    def weekday(row):
        return WEEKDAYS[row["day"].weekday()]

    def opening(row):
        return "open" if row["is_open"] else "closed"

    found = {
        "promo_by_weekday": sides(
            pairs, lambda row: f"{weekday(row)} {'promotion' if row['is_promo'] else 'none'}"
        ),
        "open_by_weekday": sides(ordinary, lambda row: f"{weekday(row)} {opening(row)}"),
        "open_by_state": sides(ordinary, lambda row: f"{row['state']} {opening(row)}"),
        "state_holiday": sides(pairs, lambda row: row["state_holiday"]),
        "is_school_holiday": sides(
            pairs, lambda row: "holiday" if row["is_school_holiday"] else "school"
        ),
    }
    return {feature: both for feature, both in found.items() if both[0]}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    horizon_days=st.sampled_from([1, 10, 14]),
    missing=st.sampled_from([0.0, 0.2]),
    closed=st.sampled_from([0.1, 0.8]),
)
def test_samples_of_plans_equal_the_plain_reference(seed, horizon_days, missing, closed):
    draw = random.Random(seed)
    rows = [
        day_of(
            store,
            ORIGIN + timedelta(days=ahead - back),
            state="HE" if store % 2 else "BY",
            is_open=draw.random() > closed,
            is_promo=draw.random() < 0.5,
            state_holiday=draw.choice("0000a"),
            is_school_holiday=draw.random() < 0.5,
        )
        for back in (0, 364)
        for store in (1, 2, 3)
        for ahead in range(-1, horizon_days + 3)
        if draw.random() >= missing
    ]
    draw.shuffle(rows)
    plan = frame(rows).sort("store_id", "day")
    samples = plan_samples(plan, origin=ORIGIN, horizon_days=horizon_days)
    assert {
        each.feature: (each.current.to_list(), each.reference.to_list()) for each in samples
    } == reference(rows, horizon_days)
    first, last = ORIGIN + timedelta(days=1), ORIGIN + timedelta(days=horizon_days)
    year = timedelta(days=364)
    for each in samples:
        assert (each.kind, each.is_categorical) == ("plan", True)
        assert each.current_window == Window(first, last)
        assert each.reference_window == Window(first - year, last - year)


@pytest.mark.parametrize(("closed_days", "is_left_out"), [(6, False), (7, True)])
def test_a_store_that_was_closed_for_seven_days_a_year_ago_was_rebuilt(
    closed_days: int, is_left_out: bool
):
    rows = [
        day_of(store, ORIGIN + timedelta(days=ahead - back), is_open=is_open)
        for store in (1, 2)
        for ahead in range(1, 11)
        for back in (0, 364)
        for is_open in [back == 0 or store == 2 or ahead > closed_days]
    ]
    samples = plan_samples(frame(rows), origin=ORIGIN, horizon_days=10)
    lengths = {each.feature: len(each.current) for each in samples}
    assert lengths["open_by_state"] == lengths["open_by_weekday"] == (10 if is_left_out else 20)
    assert lengths["promo_by_weekday"] == 20


def test_closures_of_two_stores_are_not_added_up():
    rows = [
        day_of(store, ORIGIN + timedelta(days=ahead - back), is_open=is_open)
        for store in (1, 2)
        for ahead in range(1, 9)
        for back in (0, 364)
        # the last four days of store 1 and the first four of store 2
        for is_open in [back == 0 or (ahead <= 4 if store == 1 else ahead > 4)]
    ]
    samples = plan_samples(frame(rows), origin=ORIGIN, horizon_days=8)
    assert {len(each.current) for each in samples} == {16}


def test_days_without_the_same_day_a_year_before_are_not_compared():
    rows = [day_of(1, ORIGIN + timedelta(days=1)), day_of(1, ORIGIN - timedelta(days=364))]
    assert plan_samples(frame(rows), origin=ORIGIN, horizon_days=42) == []


@pytest.mark.parametrize(
    ("holiday", "expected"),
    [(-4, 7), (-3, 6), (-1, 4), (0, 3), (3, 0), (6, 3), (7, 4), (9, 6), (10, 7)],
)
def test_ordinary_days_are_at_least_four_days_from_a_holiday(holiday: int, expected: int):
    monday = date(2015, 7, 6)
    rows = [day_of(1, monday + timedelta(days=n)) for n in range(-10, 20)]
    rows[10 + holiday]["state_holiday"] = "a"
    week = Window(monday, monday + timedelta(days=6))
    days = ordinary_days(frame(rows), week)
    assert len(days) == expected
    assert days == [day for day in week.days if abs((day - monday).days - holiday) >= 4]


def test_a_window_moves_as_a_whole_and_includes_both_ends():
    window = Window(date(2015, 3, 1), date(2015, 3, 3))
    assert window.before(364) == Window(date(2014, 3, 2), date(2014, 3, 4))
    assert window.days == [date(2015, 3, day) for day in (1, 2, 3)]
    assert Window(ORIGIN, ORIGIN).days == [ORIGIN]
    days = pl.DataFrame({"day": [date(2015, 2, 28), *window.days, date(2015, 3, 4)]})
    assert days.filter(window.has("day"))["day"].to_list() == window.days


def sample(current: list, reference: list) -> Sample:
    window = Window(ORIGIN, ORIGIN)
    sides = pl.Series(current), pl.Series(reference)
    return Sample("plan", "state_holiday", *sides, window, window)


@pytest.mark.parametrize(
    ("current", "then", "text"),
    [
        (["a", "a", "b", "c"], ["a", "b", "b", "b"], "b: 75.0% then, 25.0% now"),
        (["b", "c", "c", "c"], ["a", "b", "b", "b"], "c: 0.0% then, 75.0% now"),  # a is gone
        (["a", "a", "a", "c"], ["a", "b", "b", "b"], "b: 75.0% then, 0.0% now"),  # c is new
        (["b"], ["a"], "a: 100.0% then, 0.0% now"),  # equal changes: the first category
        (["a", "b"], ["b", "a"], "shares unchanged"),
        (["a"] * 1999 + ["b"], ["a"], "b: 0.0% then, 0.1% now"),  # 0.05%
        (["a"] * 2000 + ["b"], ["a"], "shares unchanged"),
        (["a", "b", "new"], ["a", "b"], "new: 0.0% then, 33.3% now"),
        ([1.0, 3.0], [1.0, 1.5, 2.0], "mean 1.500 then, 2.000 now"),
    ],
)
def test_a_summary_names_the_category_that_changed_most_or_both_means(current, then, text: str):
    assert sample(current, then).summary() == text


def test_features_are_compared_value_by_value_without_what_is_missing():
    names = ("residual_7d", "residual_28d", "level_trend", "store_level")
    now = pl.DataFrame({name: [1.0 * n, None, math.nan, 2.0] for n, name in enumerate(names)})
    then = pl.DataFrame({name: [5.0, 6.0] for name in names}).with_columns(
        level_trend=pl.Series([None, math.nan], dtype=pl.Float64)
    )
    earlier = ORIGIN - timedelta(days=357)
    samples = feature_samples(now, then, origin=ORIGIN, reference_origin=earlier)
    assert [
        (each.feature, each.current.to_list(), each.reference.to_list()) for each in samples
    ] == [
        ("residual_7d", [0.0, 2.0], [5.0, 6.0]),
        ("residual_28d", [1.0, 2.0], [5.0, 6.0]),
        ("store_level", [3.0, 2.0], [5.0, 6.0]),
    ]
    for each in samples:
        assert (each.kind, each.is_categorical) == ("features", False)
        assert each.current_window == Window(ORIGIN, ORIGIN)
        assert each.reference_window == Window(earlier, earlier)


FORECAST = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(1, 5)), st.integers(1, 9), max_size=9
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(now=FORECAST, then=FORECAST)
def test_forecasts_are_logs_minus_the_stores_mean_in_the_previous_vintage(now, then):
    def rows(side):
        return pl.DataFrame(
            [
                (store, ORIGIN + timedelta(days=day), 1000.0 * value)
                for (store, day), value in side.items()
            ],
            schema={"store_id": pl.Int32, "target_date": pl.Date, "sales_forecast": pl.Float64},
            orient="row",
        )

    found = forecast_samples(rows(now), rows(then))
    both = sorted(set(now) & set(then))
    if not both:
        assert found == []
        return
    own = {}
    for store, _ in both:
        logs = [math.log(1000 * then[key]) for key in both if key[0] == store]
        own[store] = sum(logs) / len(logs)
    (each,) = found
    for side, values in ((each.current, now), (each.reference, then)):
        expected = [math.log(1000 * values[key]) - own[key[0]] for key in both]
        assert side.to_list() == pytest.approx(expected, abs=1e-12)
    days = [ORIGIN + timedelta(days=day) for _, day in both]
    assert each.current_window == each.reference_window == Window(min(days), max(days))
    assert (each.kind, each.feature) == ("forecasts", "same_days")
