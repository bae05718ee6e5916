"""The business date, and Germany's holidays of the landed years."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.retailer import SALES_HEADER, Retailer, sales_line, text

from rossmann_ml.ingest.public_holidays import german_public_holidays, state_holiday_code
from rossmann_ml.warehouse.clock import monday_after, product_today
from rossmann_ml.warehouse.connection import connect


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        (date(2015, 6, 19), date(2015, 6, 22)),
        (date(2015, 6, 21), date(2015, 6, 22)),
        (date(2015, 6, 22), date(2015, 6, 29)),
    ],
)
def test_the_monday_after_a_day_is_later_than_the_day(day: date, monday: date) -> None:
    assert monday_after(day) == monday


def today(retailer: Retailer) -> date:
    with connect(retailer.settings, read_only=True) as connection:
        return product_today(connection, retailer.settings)


def test_today_moves_with_the_newest_sales_of_historical_data(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path)
    retailer.write_bulk()
    retailer.land_raw()
    assert today(retailer) == date(2015, 6, 15)
    lines = [sales_line(store, date(2015, 6, 19)) for store in (1, 2)]
    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, lines))
    retailer.land_incoming()
    assert today(retailer) == date(2015, 6, 22)
    retailer.write("sales_2015-06-26.csv", text(SALES_HEADER, [sales_line(1, date(2015, 6, 26))]))
    retailer.land_incoming()
    assert today(retailer) == date(2015, 6, 22)  # one store of three moves nothing


def test_as_of_goes_before_the_data(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path, as_of=date(2015, 6, 13))
    retailer.write_bulk()
    retailer.land_raw()
    assert today(retailer) == date(2015, 6, 13)
    assert retailer.query("SELECT DISTINCT known_on FROM raw.loads") == [(date(2015, 6, 13),)]


def test_today_is_the_wall_clocks_for_current_data_and_for_an_empty_warehouse(
    tmp_path: Path,
) -> None:
    retailer = Retailer(tmp_path)
    with connect(retailer.settings) as connection:
        assert product_today(connection, retailer.settings) == date.today()
    retailer.write_bulk()
    retailer.write("train.csv", text(SALES_HEADER, [sales_line(1, date.today())]))
    retailer.land_raw()
    assert today(retailer) == date.today()


def test_holidays_are_coded_as_the_retailer_codes_them() -> None:
    easter_2015 = [date(2015, 4, 3), date(2015, 4, 5), date(2015, 4, 6)]
    assert {state_holiday_code(day) for day in easter_2015} == {"b"}
    assert {state_holiday_code(date(2015, 12, day)) for day in (25, 26)} == {"c"}
    assert state_holiday_code(date(2015, 5, 14)) == "a"


def test_every_state_has_its_own_holidays_and_the_nationwide_ones() -> None:
    found = german_public_holidays(2015, 2015)
    by_state = {state: set(days["date"]) for (state,), days in found.group_by("state")}
    assert len(by_state) == 17
    assert len(by_state["DE"]) == 9
    assert all(days >= by_state["DE"] for days in by_state.values())
    epiphany = date(2015, 1, 6)
    assert {state for state, days in by_state.items() if epiphany in days} == {"BW", "BY", "ST"}


def test_holidays_cover_the_sales_and_the_year_after_the_newest_day(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path)
    retailer.write_bulk()
    retailer.land_raw()
    years = "SELECT list_sort(list(DISTINCT year(date))) FROM raw.public_holidays"
    assert retailer.query(years) == [([2015, 2016],)]
    line = sales_line(1, date(2014, 12, 29))
    retailer.write("sales_2015-01-02.csv", text(SALES_HEADER, [line]))
    retailer.land_incoming()
    assert retailer.query(years) == [([2014, 2015, 2016],)]
