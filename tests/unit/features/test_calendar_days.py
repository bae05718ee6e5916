"""Calendar dates compared with laws, almanacs and loops over the days of a month."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import pytest
from dateutil.easter import easter
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plan_reference import easter_sunday, is_working_day, mothers_day, nationwide_holidays

from rossmann_ml.features.calendar import (
    days_from_mothers_day,
    days_to_month_end,
    working_days_after,
    working_days_before,
)
from rossmann_ml.ingest.public_holidays import german_public_holidays, state_holiday_code

quick = settings(max_examples=20, deadline=None, derandomize=True)
days = st.dates(date(2012, 1, 1), date(2021, 12, 31))


def month_of(day: date) -> list[date]:
    return [day.replace(day=number + 1) for number in range(monthrange(day.year, day.month)[1])]


@given(days)
@quick
def test_a_month_ends_after_as_many_days_as_it_has_left(day: date) -> None:
    assert days_to_month_end(day) == sum(other > day for other in month_of(day))


@given(st.lists(days, min_size=1, max_size=4))
@quick
def test_working_days_are_counted_within_the_month_of_each_day(chosen: list[date]) -> None:
    assert working_days_before(chosen).tolist() == [
        sum(is_working_day(other) for other in month_of(day) if other < day) for day in chosen
    ]
    assert working_days_after(chosen).tolist() == [
        sum(is_working_day(other) for other in month_of(day) if other > day) for day in chosen
    ]


def test_days_over_the_turn_of_a_year_have_the_holidays_of_both() -> None:
    turn = [date(2014, 12, 24), date(2015, 1, 2)]
    # 25 and 26 December 2014 are Thursday and Friday; 1 January 2015 is a Thursday
    assert working_days_after(turn).tolist() == [3, 20]
    assert working_days_before(turn).tolist() == [17, 0]


def test_the_500th_reformation_day_was_a_holiday_of_all_states_once() -> None:
    assert working_days_after([date(2017, 10, 30)]).tolist() == [0]
    assert working_days_after([date(2018, 10, 30)]).tolist() == [1]


@pytest.mark.parametrize("year", range(2010, 2025))
def test_days_from_mothers_day_are_counted_over_the_whole_year(year: int) -> None:
    for day in (date(year, 1, 1), date(year, 5, 1), date(year, 5, 14), date(year, 12, 31)):
        assert days_from_mothers_day(day) == (day - mothers_day(year)).days


# From the tables of the Astronomisches Rechen-Institut: earliest and latest Easter among them.
@pytest.mark.parametrize(
    "sunday", [date(2008, 3, 23), date(2011, 4, 24), date(2013, 3, 31), date(2016, 3, 27)]
)
def test_easter_is_on_the_day_of_the_almanacs(sunday: date) -> None:
    assert easter_sunday(sunday.year) == easter(sunday.year) == sunday


def expected_code(day: date) -> str:
    if day in {easter_sunday(day.year) + timedelta(days=days) for days in (-2, 0, 1)}:
        return "b"
    return "c" if (day.month, day.day) in {(12, 25), (12, 26)} else "a"


@given(days)
@quick
def test_codes_of_holidays_are_easter_christmas_and_other(day: date) -> None:
    about_easter = [easter_sunday(day.year) + timedelta(days=away) for away in range(-4, 4)]
    about_christmas = [date(day.year, 12, number) for number in range(23, 29)]
    for each in (day, *about_easter, *about_christmas):
        assert state_holiday_code(each) == expected_code(each)


def holidays_by_law(state: str, year: int) -> set[date]:
    """Return the holidays of a state in a year, by the laws of 2013 to 2020."""
    easter_day = easter_sunday(year)
    epiphany, all_saints = date(year, 1, 6), date(year, 11, 1)
    corpus_christi = easter_day + timedelta(days=60)
    reformation = {date(year, 10, 31)}
    own = {
        "DE": set(),
        "BW": {epiphany, corpus_christi, all_saints},
        "NW": {corpus_christi, all_saints},
        "HE": {corpus_christi},
        "SH": reformation if year >= 2018 else set(),
        "ST": {epiphany} | reformation,
        # the day after the 75th year's end of the war, once
        "BE": ({date(year, 3, 8)} if year >= 2019 else set())
        | ({date(2020, 5, 8)} if year == 2020 else set()),
    }
    return nationwide_holidays(year) | own[state]


@pytest.mark.parametrize("state", ["DE", "BW", "NW", "HE", "SH", "ST", "BE"])
def test_holidays_of_a_state_are_those_of_its_law(state: str) -> None:
    listed = german_public_holidays(2013, 2020)
    found = {day for of, day in listed.select("state", "date").rows() if of == state}
    expected = set().union(*(holidays_by_law(state, year) for year in range(2013, 2021)))
    assert found == expected


def test_holidays_are_listed_by_state_and_day_from_the_nationwide_ones_on() -> None:
    listed = german_public_holidays(2015, 2016)
    assert listed.columns == ["state", "date", "name", "state_holiday"]
    assert listed["state"].unique(maintain_order=True).to_list() == [
        *("DE", "BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP"),
        *("SH", "SL", "SN", "ST", "TH"),
    ]
    assert listed.select("state", "date").is_unique().all()
    for _, of_state in listed.group_by("state"):
        assert of_state["date"].is_sorted()
    assert {day.year for day in listed["date"]} == {2015, 2016}
    first = listed.row(0, named=True)
    assert first == {
        "state": "DE", "date": date(2015, 1, 1), "name": "New Year's Day", "state_holiday": "a",
    }  # fmt: skip
