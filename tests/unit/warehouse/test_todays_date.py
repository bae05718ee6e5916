"""The business date, and which data sets are historical.

Definitions: the docstrings of ``rossmann_ml.warehouse.clock`` (``as_of``; for historical data the
Monday after the newest sales; else the wall clock) and of ``DataSet`` (the retailer's sales are
historical while the newest day is before 2016).
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ingest_warehouse import settings_as_of
from support.loads import record_loads

from rossmann_ml.ingest.data_set import DataSet
from rossmann_ml.warehouse.clock import monday_after, product_today, today_for
from rossmann_ml.warehouse.tables.raw import newest_sales_date

SET_DAY = date(2014, 1, 1)


def next_monday(day: date) -> date:
    """Return the first Monday after a day, found by counting days."""
    found = day + timedelta(days=1)
    while found.strftime("%A") != "Monday":
        found += timedelta(days=1)
    return found


@pytest.mark.parametrize("ahead", range(7))
def test_the_monday_after_every_weekday_is_the_first_later_one(ahead: int) -> None:
    day = date(2015, 6, 15) + timedelta(days=ahead)  # starts on a Monday
    assert monday_after(day) == date(2015, 6, 22)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.dates(date(1990, 1, 1), date(2100, 12, 1)))
def test_the_monday_after_any_day_is_that_of_counting_days(day: date) -> None:
    assert monday_after(day) == next_monday(day)


@pytest.mark.parametrize("is_historical", [True, False])
@pytest.mark.parametrize("newest", [None, date(2015, 6, 19)])
@pytest.mark.parametrize("as_of", [None, SET_DAY])
def test_as_of_goes_before_the_end_of_history_and_that_before_the_wall_clock(
    as_of: date | None, newest: date | None, *, is_historical: bool
) -> None:
    if as_of is not None:
        expected = SET_DAY
    elif is_historical and newest is not None:
        expected = date(2015, 6, 22)
    else:
        expected = date.today()
    found = today_for(settings_as_of(as_of), is_historical=is_historical, newest_sales=newest)
    assert found == expected


@pytest.mark.parametrize(
    ("newest", "is_history"),
    [
        (None, False),
        (date(2015, 6, 19), True),
        (date(2015, 12, 31), True),
        (date(2016, 1, 1), False),
        (date(2026, 1, 1), False),
    ],
)
def test_sales_that_end_before_2016_are_historical(
    newest: date | None, *, is_history: bool
) -> None:
    assert DataSet("retailer").is_history_until(newest) is is_history
    assert DataSet("sample-1-1", is_historical=True).is_history_until(newest) is True
    assert DataSet("sample-1-1", is_historical=False).is_history_until(newest) is False
    assert DataSet("retailer").is_synthetic is False


def sell(connection: duckdb.DuckDBPyConnection, *days: date) -> None:
    record_loads(connection, [1])
    for day in days:
        connection.execute(
            "INSERT INTO raw.sales VALUES (1, 2, 1, 1, ?, 9, 9, 1, 0, '0', 0, ?)", [day, day]
        )


def test_newest_sales_and_history_are_read_from_the_warehouse(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    unset = settings_as_of(None)
    assert newest_sales_date(warehouse) is None
    assert product_today(warehouse, unset) == date.today()
    sell(warehouse, date(2015, 6, 12), date(2015, 6, 14), date(2015, 6, 13))
    assert newest_sales_date(warehouse) == date(2015, 6, 14)
    assert product_today(warehouse, unset) == date.today()
    warehouse.execute("INSERT INTO raw.data_set VALUES ('retailer', false, true, now())")
    assert product_today(warehouse, unset) == date(2015, 6, 15)
    assert product_today(warehouse, settings_as_of(SET_DAY)) == SET_DAY
    warehouse.execute("UPDATE raw.data_set SET is_historical = false")
    assert product_today(warehouse, unset) == date.today()
