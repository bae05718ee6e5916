"""Distances, runs and sums over the columns of a grid, compared with loops over days.

See the docstrings of :mod:`rossmann_ml.features.grid` for the definitions.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.features.grid import (
    days_between_runs,
    days_since,
    days_until,
    weekdays,
    windowed_sum,
)

quick = settings(max_examples=20, deadline=None, derandomize=True)
marks = st.integers(1, 25).flatmap(
    lambda days: st.lists(
        st.lists(st.sampled_from([False, False, True]), min_size=days, max_size=days),
        min_size=1,
        max_size=3,
    )
)
numbers = st.integers(1, 12).flatmap(
    lambda days: st.lists(
        st.lists(st.integers(-5, 9), min_size=days, max_size=days), min_size=1, max_size=3
    )
)


def since(row: list[bool], day: int, cap: int) -> int:
    """Count the days back to the nearest marked day, in a loop."""
    for back in range(day + 1):
        if row[day - back]:
            return min(back, cap)
    return cap


def between(row: list[bool], day: int, cap: int) -> int:
    """Count the unmarked days between a day's run of marked days and the run before, in a loop."""
    if not row[day]:
        return -1
    start = day
    while start > 0 and row[start - 1]:
        start -= 1
    for unmarked in range(start):
        if row[start - 1 - unmarked]:
            return min(unmarked, cap)
    return cap


@given(rows=marks, cap=st.integers(1, 8))
@quick
def test_days_since_a_mark_are_counted_back_to_the_nearest(
    rows: list[list[bool]], cap: int
) -> None:
    expected = [[since(row, day, cap) for day in range(len(row))] for row in rows]
    assert days_since(np.array(rows), cap=cap).tolist() == expected


@given(rows=marks, cap=st.integers(1, 8))
@quick
def test_days_until_a_mark_are_counted_forwards_to_the_nearest(
    rows: list[list[bool]], cap: int
) -> None:
    expected = [
        [since(row[::-1], len(row) - 1 - day, cap) for day in range(len(row))] for row in rows
    ]
    found = days_until(np.array(rows), cap=cap)
    assert found.tolist() == expected
    assert found.flags.c_contiguous


@given(rows=marks, cap=st.integers(1, 8))
@quick
def test_days_between_runs_are_those_without_a_mark(rows: list[list[bool]], cap: int) -> None:
    expected = [[between(row, day, cap) for day in range(len(row))] for row in rows]
    assert days_between_runs(np.array(rows), cap=cap).tolist() == expected


@given(rows=numbers, before=st.integers(0, 14), after=st.integers(0, 14))
@quick
def test_a_windowed_sum_adds_the_days_of_the_window_that_exist(
    rows: list[list[int]], before: int, after: int
) -> None:
    expected = [
        [
            sum(row[other] for other in range(len(row)) if -before <= other - day <= after)
            for day in range(len(row))
        ]
        for row in rows
    ]
    # sums of small whole numbers are exact in floats
    found = windowed_sum(np.array(rows, dtype=np.float64), before=before, after=after)
    assert found.tolist() == expected


def test_a_mark_at_the_distance_of_the_cap_counts_like_a_further_one() -> None:
    one_mark = np.array([[True, False, False, False, False]])
    assert days_since(one_mark, cap=3).tolist() == [[0, 1, 2, 3, 3]]
    assert days_until(one_mark[:, ::-1], cap=3).tolist() == [[3, 3, 2, 1, 0]]
    assert days_since(~one_mark[:, 1:] & False, cap=3).tolist() == [[3, 3, 3, 3]]


def test_distances_are_32_bit_and_independent_by_row() -> None:
    rows = np.array([[True, False], [False, False]])
    assert days_since(rows, cap=9).tolist() == [[0, 1], [9, 9]]
    assert days_since(rows, cap=9).dtype == days_until(rows, cap=9).dtype == np.float32


def test_a_run_from_the_first_day_on_has_an_unknown_one_before() -> None:
    row = np.array([[True, True, False, True, False, False, False, True]])
    assert days_between_runs(row, cap=9).tolist() == [[9, 9, -1, 1, -1, -1, -1, 3]]
    assert days_between_runs(row, cap=2).tolist() == [[2, 2, -1, 1, -1, -1, -1, 2]]


@pytest.mark.parametrize("first", [date(2015, 5, 31) + timedelta(days=day) for day in range(7)])
def test_weekdays_are_those_of_the_calendar_from_monday_0(first: date) -> None:
    expected = [(first + timedelta(days=day)).weekday() for day in range(16)]
    assert weekdays(first, 16).tolist() == expected
    assert weekdays(first, 1).tolist() == [first.weekday()]
    assert weekdays(first, 0).tolist() == []
