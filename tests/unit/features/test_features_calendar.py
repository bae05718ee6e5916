"""The calendar: working days of the month and Mother's Day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from rossmann_ml.features.calendar import (
    days_from_mothers_day,
    days_to_month_end,
    working_days_after,
    working_days_before,
)


def test_the_last_working_day_of_a_month_that_ends_on_a_weekend_is_its_friday() -> None:
    friday, saturday, sunday = date(2015, 5, 29), date(2015, 5, 30), date(2015, 5, 31)
    assert working_days_after([friday, saturday, sunday]).tolist() == [0, 0, 0]
    assert working_days_after([date(2015, 5, 28)]).tolist() == [1]


def test_a_nationwide_holiday_is_no_working_day() -> None:
    # 1 May 2014 was a Thursday
    assert working_days_before([date(2014, 5, 1), date(2014, 5, 2)]).tolist() == [0, 0]
    # Good Friday 2015 was 3 April, Easter Monday the 6th
    assert working_days_before([date(2015, 4, 7)]).tolist() == [2]


def test_working_days_before_and_after_a_day_are_those_of_its_month() -> None:
    days = [date(2015, 6, 1) + timedelta(days=number) for number in range(30)]
    before, after = working_days_before(days), working_days_after(days)
    today = [int(day.weekday() < 5) for day in days]
    assert (before + after + today).tolist() == [22] * 30


@pytest.mark.parametrize(("year", "day"), [(2013, 12), (2014, 11), (2015, 10), (2016, 8)])
def test_mothers_day_is_the_second_sunday_in_may(year: int, day: int) -> None:
    assert days_from_mothers_day(date(year, 5, day)) == 0
    assert days_from_mothers_day(date(year, 5, day - 1)) == -1


def test_the_last_day_of_a_month_has_zero_days_to_its_end() -> None:
    assert [days_to_month_end(date(2016, 2, day)) for day in (1, 28, 29)] == [28, 1, 0]
    assert days_to_month_end(date(2015, 12, 31)) == 0
