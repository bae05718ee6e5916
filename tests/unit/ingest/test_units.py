"""Sales in another unit are quarantined by store, or refuse the file if they are most rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import empty, land, memory_warehouse
from support.retailer import SALES_HEADER, STORE_HEADER, text

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.file_load import FileLanding

LAST = date(2015, 5, 22)
MONDAY = date(2015, 6, 1)
STORES = range(1, 21)
NAME = "sales_2015-05-29.csv"

Written = Callable[[int, int, int], tuple[str, str]]


def plain(_store: int, sales: int, customers: int) -> tuple[str, str]:
    return str(sales), str(customers)


def pointed(value: int) -> str:
    """Write a number with a German thousands point."""
    return f"{value:,}".replace(",", ".")


def some(change: Written, stores: range | tuple[int, ...] = (4, 9, 17)) -> Written:
    return lambda *row: change(*row) if row[0] in stores else plain(*row)


def rows(first: date, last: date, written: Written) -> list[str]:
    lines = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        is_open, promo = int(day.weekday() != 6), int(day.isocalendar().week % 2)
        for store in STORES:
            customers = is_open * (80 * store + 20 * (day.day % 5))
            sales, visits = written(store, customers * 9, customers)
            lines.append(f"{store},{day.isoweekday()},{day},{sales},{visits},{is_open},{promo},0,0")
    return lines


def week(written: Written) -> str:
    return text(SALES_HEADER, rows(LAST + timedelta(days=1), LAST + timedelta(days=7), written))


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_warehouse() as connection:
        yield connection


@pytest.fixture
def landing(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> Callable[..., FileLanding]:
    """Return a function that lands a week's file after half a year of ordinary sales."""
    empty(database)
    stores = [f"{store},a,a,500,,,0,,," for store in STORES]
    land(database, tmp_path / "store.csv", text(STORE_HEADER, stores), today=MONDAY)
    past = rows(LAST - timedelta(days=120), LAST, plain)
    land(database, tmp_path / "train.csv", text(SALES_HEADER, past), today=MONDAY)
    return lambda written: land(
        database, tmp_path / NAME, week(written), today=MONDAY, bad_share=0.01
    )


def landed_stores(database: duckdb.DuckDBPyConnection) -> set[int]:
    found = database.execute(
        "SELECT DISTINCT store FROM raw.sales WHERE date > $last AND open = 1", {"last": LAST}
    )
    return {store for (store,) in found.fetchall()}


def test_an_ordinary_week_lands_whole(
    database: duckdb.DuckDBPyConnection, landing: Callable[..., FileLanding]
) -> None:
    done = landing(plain)
    assert (done.rows_landed, done.rows_quarantined, done.warnings) == (140, 0, ())


@pytest.mark.parametrize(
    ("change", "column", "times"),
    [
        (lambda _, sales, visits: (pointed(sales), str(visits)), "Sales", "1/1,000 of"),
        (lambda _, sales, __: (pointed(sales), ""), "Sales", "1/1,000 of"),
        (lambda _, sales, visits: (str(sales * 100), str(visits)), "Sales", "100 times"),
        (lambda _, sales, visits: (str(sales / 1000), str(visits)), "Sales", "1/1,000 of"),
        (lambda _, sales, visits: (str(sales / 10), str(visits)), "Sales", "1/10 of"),
        (lambda _, sales, visits: (str(sales), str(visits * 1000)), "Customers", "1,000 times"),
    ],
    ids=["point", "point, no customers", "cents", "thousands", "shifted point", "customers"],
)
def test_stores_in_another_unit_are_set_aside_and_named_and_the_others_land(
    database: duckdb.DuckDBPyConnection,
    landing: Callable[..., FileLanding],
    change: Written,
    column: str,
    times: str,
) -> None:
    done = landing(some(change))
    assert landed_stores(database) == set(STORES) - {4, 9, 17}
    assert done.quarantined == {f"{column} in another unit": 18}
    (warning,) = done.warnings
    assert "18 rows of 3 of 20 stores" in warning
    assert f"{column} {times} the usual in stores 4, 9, 17" in warning
    assert "rossmann refresh" in warning
    kept = database.execute(
        "SELECT DISTINCT file_name, column_name, reason FROM raw.quarantined_rows"
    )
    assert set(kept.fetchall()) == {
        (NAME, column, f"{column} in another unit: {times} the usual of store {store}")
        for store in (4, 9, 17)
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda _, sales, visits: (pointed(sales), str(visits)),
        lambda _, sales, visits: (str(sales * 100), str(visits)),
        lambda _, sales, visits: (str(sales / 1000), str(visits)),
    ],
)
def test_a_file_in_another_unit_is_refused_with_the_first_line(
    database: duckdb.DuckDBPyConnection, landing: Callable[..., FileLanding], change: Written
) -> None:
    with pytest.raises(BadFileError, match=f"{NAME}: 20 of 20 stores .*first in line 2: '1,6,"):
        landing(change)
    assert landed_stores(database) == set()


def test_a_single_row_with_a_thousands_point_is_set_aside(
    database: duckdb.DuckDBPyConnection, landing: Callable[..., FileLanding]
) -> None:
    only = []

    def once(store: int, sales: int, visits: int) -> tuple[str, str]:
        if store != 15 or only:
            return str(sales), ""
        only.append(store)
        return pointed(sales), ""

    done = landing(once)
    assert done.rows_quarantined == 1
    assert "looks like a thousands point" in done.warnings[0]


@pytest.mark.parametrize("factor", [0.15, 8])
def test_a_store_that_sells_far_more_or_less_lands(
    database: duckdb.DuckDBPyConnection, landing: Callable[..., FileLanding], factor: float
) -> None:
    done = landing(some(lambda _, sales, visits: (str(sales * factor), str(int(visits * factor)))))
    assert done.rows_quarantined == 0


def test_the_corrected_file_lands_the_stores_that_were_set_aside(
    database: duckdb.DuckDBPyConnection, landing: Callable[..., FileLanding]
) -> None:
    landing(some(lambda _, sales, visits: (str(sales * 100), str(visits))))
    landing(plain)
    assert landed_stores(database) == set(STORES)


def test_weeks_in_another_unit_inside_a_whole_history_are_set_aside(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    empty(database)
    stores = [f"{store},a,a,500,,,0,,," for store in STORES]
    land(database, tmp_path / "store.csv", text(STORE_HEADER, stores), today=MONDAY)
    before = rows(LAST - timedelta(days=119), LAST, plain)
    cents = some(lambda _, sales, visits: (str(sales * 100), ""), (7,))
    week_lines = rows(LAST + timedelta(days=1), LAST + timedelta(days=7), cents)
    done = land(
        database, tmp_path / "train.csv", text(SALES_HEADER, before + week_lines), today=MONDAY
    )
    assert done.quarantined == {"Sales in another unit": 6}


def test_a_store_whose_spend_is_far_from_the_chains_from_the_start_is_named(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    empty(database)
    stores = [f"{store},a,a,500,,,0,,," for store in STORES]
    land(database, tmp_path / "store.csv", text(STORE_HEADER, stores), today=MONDAY)
    crowns = some(lambda _, sales, visits: (str(sales * 11), str(visits)), (7,))
    history = rows(LAST - timedelta(days=13), LAST, crowns)
    done = land(database, tmp_path / "train.csv", text(SALES_HEADER, history), today=MONDAY)
    assert done.quarantined == {"Sales in another unit": 12}
    (warning,) = done.warnings
    assert "10 times the chain's spend per customer (another unit or currency)" in warning
    assert "in stores 7 (" in warning
