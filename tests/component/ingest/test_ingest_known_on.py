"""Each row has the date on which it counts as known.

Definitions: ``docs/decisions/0003-what-was-known-when.md`` (its own date in a bulk history, the
product's day of landing for weekly drops), the comments of
``raw.loads`` and ``raw.sales`` in ``warehouse/ddl/01_raw.sql``, and those of
``rossmann_ml.ingest.file_load`` (a plan is made before its first day; the first list of stores
counts as known always).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import all_rows, land
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    plan_line,
    sales_line,
    text,
)

from rossmann_ml.base.settings import load_settings
from rossmann_ml.warehouse.clock import product_today

FRIDAY = date(2015, 6, 12)
MONDAY = date(2015, 6, 15)
ALWAYS = date(1990, 1, 1)
STORES = text(STORE_HEADER, STORE_LINES)
Known = Callable[[str], list[date]]


def sales(*days: date, amount: float = 9) -> str:
    return text(SALES_HEADER, [sales_line(1, day, amount, Open=1) for day in days])


def plan(*days: date, promo: int = 1) -> str:
    return text(PLAN_HEADER, [plan_line(1, 1, day, Promo=promo) for day in days])


@pytest.fixture
def known(warehouse: duckdb.DuckDBPyConnection) -> Known:
    def read(table: str) -> list[date]:
        rows = warehouse.execute(
            f"SELECT known_on FROM {all_rows(table)} ORDER BY load_id, line_number"
            if table != "loads"
            else "SELECT known_on FROM raw.loads ORDER BY load_id"
        ).fetchall()
        return [day for (day,) in rows]

    return read


def test_a_whole_history_is_known_on_its_own_days(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    days = [FRIDAY - timedelta(days=1), FRIDAY]
    land(warehouse, tmp_path / "store.csv", STORES)
    land(warehouse, tmp_path / "train.csv", sales(*days))
    assert known("sales") == days
    # core.sales_versions dates the rows that restate those of another file
    land(warehouse, tmp_path / "train.csv", sales(FRIDAY, date(2015, 6, 13), amount=10))
    assert known("sales") == [*days, FRIDAY, date(2015, 6, 13)]


def test_a_corrected_drop_is_known_since_its_first_edition(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    land(warehouse, tmp_path / "store.csv", STORES, today=MONDAY)
    drop, later = tmp_path / "sales_2015-06-12.csv", date(2015, 6, 22)
    land(warehouse, drop, sales(FRIDAY), today=MONDAY)
    land(warehouse, drop, sales(FRIDAY, amount=10), today=later)
    assert known("loads") == [MONDAY, MONDAY, MONDAY]
    assert known("sales") == [MONDAY, MONDAY]


@pytest.mark.parametrize("ahead", [2, 3])
def test_a_weekly_drop_of_history_is_known_on_the_monday_after_its_newest_day(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path, ahead: int
) -> None:
    newest = FRIDAY + timedelta(days=ahead)
    monday = date(2015, 6, 15 if ahead <= 2 else 22)
    land(warehouse, tmp_path / "store.csv", STORES)
    land(warehouse, tmp_path / "sales_2015-06-18.csv", sales(FRIDAY, newest))
    assert known("sales") == [monday, monday]
    assert known("loads") == [monday, monday]
    unset = load_settings(as_of=None)
    assert product_today(warehouse, unset) == monday


def test_for_an_older_drop_the_landed_sales_give_the_business_date(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    land(warehouse, tmp_path / "store.csv", STORES)
    land(warehouse, tmp_path / "train.csv", sales(FRIDAY))
    land(warehouse, tmp_path / "sales_2015-06-05.csv", sales(date(2015, 6, 5)))
    land(warehouse, tmp_path / "plan_2015-06-12.csv", plan(date(2015, 6, 29)))
    assert known("loads") == [MONDAY] * 4
    assert known("sales") == [FRIDAY, MONDAY]
    assert known("plan") == [MONDAY]


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2015, 6, 19), date(2015, 6, 19)),
        (date(2015, 6, 20), date(2015, 6, 19)),
    ],
)
def test_a_whole_plan_is_known_the_day_before_its_first_day_or_when_it_landed_earlier(
    warehouse: duckdb.DuckDBPyConnection,
    known: Known,
    tmp_path: Path,
    today: date,
    expected: date,
) -> None:
    land(warehouse, tmp_path / "store.csv", STORES)
    first = date(2015, 6, 20)
    land(warehouse, tmp_path / "test.csv", plan(date(2015, 6, 21), first), today=today)
    assert known("plan") == [expected, expected]
    land(warehouse, tmp_path / "test.csv", plan(first, promo=0), today=today)
    assert known("plan")[2:] == [expected]


def test_a_plan_drop_is_known_when_it_lands_even_after_its_first_day(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    land(warehouse, tmp_path / "store.csv", STORES)
    late = date(2015, 7, 1)
    land(warehouse, tmp_path / "plan_2015-06-12.csv", plan(date(2015, 6, 20)), today=late)
    assert known("plan") == [late]
    assert known("loads") == [date.today(), late]


def test_a_plan_without_a_good_row_is_recorded_on_the_day(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    land(warehouse, tmp_path / "store.csv", STORES, today=MONDAY)
    landing = land(warehouse, tmp_path / "test.csv", plan(FRIDAY, promo=7), today=MONDAY)
    assert (landing.load_id, landing.rows_landed, landing.first_date) == (2, 0, None)
    assert (known("plan"), known("loads")) == ([], [MONDAY, MONDAY])


def test_the_first_stores_and_states_are_known_always_and_later_ones_when_they_land(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    def changed(number: int) -> str:
        return text(STORE_HEADER, [f"1,c,a,{number},,,0,,,", f"{number},a,a,,,,0,,,"])

    first, second = MONDAY, date(2015, 6, 22)
    land(warehouse, tmp_path / "store.csv", changed(8), today=first)
    land(warehouse, tmp_path / "store.csv", changed(9), today=first)
    land(warehouse, tmp_path / "store_states.csv", "Store,State\n1,HE\n", today=second)
    land(warehouse, tmp_path / "store_states.csv", 'Store,State\n1,"HB,NI"\n2,BY\n', today=second)
    assert known("stores") == [ALWAYS, ALWAYS, first, first]
    assert known("store_states") == [ALWAYS, second, second]


def test_loads_before_the_first_historical_sales_are_redated_to_their_business_date(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    land(warehouse, tmp_path / "store.csv", STORES)
    land(warehouse, tmp_path / "plan_2015-06-12.csv", plan(date(2015, 6, 20)))
    land(warehouse, tmp_path / "store.csv", STORES.replace("1270", "99"))
    land(warehouse, tmp_path / "store_states.csv", "Store,State\n1,HE\n")
    land(warehouse, tmp_path / "store_states.csv", "Store,State\n1,BY\n")
    assert known("loads") == known("plan") * 5 == [date.today()] * 5
    # a file without a good row does not change the business date
    nothing = sales(FRIDAY, amount=-1).replace("2015", "2014")
    land(warehouse, tmp_path / "sales_2014-06-12.csv", nothing)
    assert known("loads")[5:] == [date.today()]

    land(warehouse, tmp_path / "train.csv", sales(FRIDAY))
    assert known("loads") == [MONDAY] * 7
    assert known("plan") == [MONDAY]
    assert known("stores") == [ALWAYS] * 3 + [MONDAY] * 3
    assert known("store_states") == [ALWAYS, MONDAY]

    # from the second file of sales on, earlier dates stay as they are
    warehouse.execute("UPDATE raw.plan SET known_on = '2020-01-01'")
    land(warehouse, tmp_path / "sales_2015-06-13.csv", sales(date(2015, 6, 13)))
    assert known("plan") == [date(2020, 1, 1)]


def test_sales_of_today_are_known_today_and_those_of_tomorrow_are_quarantined(
    warehouse: duckdb.DuckDBPyConnection, known: Known, tmp_path: Path
) -> None:
    today = date.today()
    land(warehouse, tmp_path / "store.csv", STORES)
    content = sales(today, today + timedelta(days=1))
    landing = land(warehouse, tmp_path / f"sales_{today}.csv", content)
    assert landing.quarantined == {"Date is in the future": 1}
    assert known("sales") == [today]
    assert warehouse.execute("SELECT is_historical FROM raw.data_set").fetchall() == [(False,)]
