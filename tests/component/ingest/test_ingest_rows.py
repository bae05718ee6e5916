"""Rows that cannot be stored are set aside with the reason; everything else lands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    Retailer,
    plan_line,
    sales_line,
    text,
)

from rossmann_ml.base.errors import BadFileError

MONDAY = date(2015, 6, 15)
SUNDAY = date(2015, 6, 21)
LATER = date.today() + timedelta(days=2)  # a test may begin before midnight and end after it


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Retailer:
    made = Retailer(tmp_path_factory.mktemp("landed"))
    made.write_bulk()
    made.land_raw()
    return made


@pytest.fixture
def retailer(landed: Retailer, tmp_path: Path) -> Iterator[Retailer]:
    made = landed.copy_to(tmp_path)
    made.allow_bad_rows(0.5)
    yield made
    # whatever was offered: each line of a file is stored or set aside, never lost
    assert (
        made.query(
            "SELECT file_name FROM raw.loads "
            "WHERE rows_read <> rows_landed + rows_unchanged + rows_quarantined"
        )
        == []
    )


def set_aside(retailer: Retailer) -> list[tuple[object, ...]]:
    return retailer.query(
        "SELECT line_number, column_name, reason, row_text FROM raw.quarantined_rows "
        "ORDER BY line_number"
    )


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (sales_line(1, MONDAY, Date="15.06.2015"), "Date", "not a day written YYYY-MM-DD"),
        (sales_line(1, MONDAY, Date="2015-6-15"), "Date", "not a day written YYYY-MM-DD"),
        (sales_line(1, MONDAY, Date="2015-02-30"), "Date", "not a day written YYYY-MM-DD"),
        (sales_line(1, MONDAY, Date="0000-01-01"), "Date", "outside 1990 to 2100"),
        (sales_line(1, date(1989, 12, 31)), "Date", "outside 1990 to 2100"),
        (sales_line(1, date(2101, 1, 1)), "Date", "outside 1990 to 2100"),
        (sales_line(1, MONDAY, Date=""), "Date", "missing"),
        (sales_line(1, LATER), "Date", "lies in the future"),
        (sales_line(1, MONDAY, -1), "Sales", "negative"),
        (sales_line(1, MONDAY, Sales="12a"), "Sales", "not a number"),
        (sales_line(1, MONDAY, Sales="NaN"), "Sales", "not a number"),
        (sales_line(1, MONDAY, Sales="inf"), "Sales", "not a number"),
        (sales_line(1, MONDAY, Sales="1e400"), "Sales", "not a number"),
        (sales_line(1, MONDAY, Sales=""), "Sales", "missing"),
        (sales_line(1, MONDAY, 1_000_000_001), "Sales", "above 1,000,000,000"),
        (sales_line(1, MONDAY, Customers=-1), "Customers", "negative"),
        (sales_line(1, MONDAY, Customers=1.5), "Customers", "not a whole number"),
        (sales_line(1, MONDAY, Customers="many"), "Customers", "not a whole number"),
        (sales_line(1, MONDAY, Customers="1e10"), "Customers", "above 1,000,000,000"),
        (sales_line(4, MONDAY), "Store", "not in store.csv"),
        (sales_line(1, MONDAY, Store=1.5), "Store", "not a whole number"),
        (sales_line(1, MONDAY, Store=0), "Store", "below 1"),
        (sales_line(1, MONDAY, Store=""), "Store", "missing"),
        (sales_line(1, MONDAY, DayOfWeek=2), "DayOfWeek", "contradicts Date"),
        (sales_line(1, MONDAY, DayOfWeek=0), "DayOfWeek", "outside 1 to 7"),
        (sales_line(1, MONDAY, Open=2), "Open", "neither 0 nor 1"),
        (sales_line(1, MONDAY, Open=""), "Open", "missing"),
        (sales_line(1, MONDAY, Open="true"), "Open", "neither 0 nor 1"),
        (sales_line(1, MONDAY, Promo=0.5), "Promo", "neither 0 nor 1"),
        (sales_line(1, MONDAY, StateHoliday="d"), "StateHoliday", "none of 0; a; b; c"),
        (sales_line(1, MONDAY, SchoolHoliday="x"), "SchoolHoliday", "neither 0 nor 1"),
        (sales_line(1, SUNDAY, 5, Open=0), "Sales", "Sales on a closed day"),
        (sales_line(1, MONDAY) + ",0", None, "the line does not have 9 fields"),
        ("1,1,2015-06-15,4500", None, "the line does not have 9 fields"),
        (sales_line(1, MONDAY, StateHoliday='"0'), None, "the quotes of the line do not pair"),
    ],
)
def test_a_bad_row_of_sales_is_set_aside_and_the_rest_lands(
    retailer: Retailer, line: str, column: str | None, reason: str
) -> None:
    lines = [sales_line(2, MONDAY), line, sales_line(3, MONDAY)]
    retailer.write("sales_2015-06-22.csv", text(SALES_HEADER, lines))
    report = retailer.land_incoming()

    assert report.rows_landed == 2
    assert report.rows_quarantined == 1
    ((number, found_column, found_reason, row_text),) = set_aside(retailer)
    assert (number, found_column, row_text) == (3, column, line)
    assert reason in str(found_reason)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (sales_line(1, MONDAY, 0), (0.0, 400, 1)),
        (sales_line(1, MONDAY, 12.75), (12.75, 400, 1)),
        (sales_line(1, MONDAY, Customers=""), (4115.0, None, 1)),
        (sales_line(1, MONDAY, Customers="400.0", Open="1.0"), (4115.0, 400, 1)),
        (sales_line(1, SUNDAY, 700, Open=1), (700.0, 0, 1)),
        (sales_line(1, SUNDAY, Customers=3), (0.0, 3, 0)),
        (sales_line(1, date.today(), 5, Open=1, Customers=9), (5.0, 9, 1)),
    ],
    ids=[
        "an open day without sales",
        "cents",
        "no customers counted",
        "whole numbers with a point",
        "a Sunday opening",
        "customers on a closed day",
        "today",
    ],
)
def test_an_unusual_row_that_can_be_stored_is_stored(
    retailer: Retailer, line: str, expected: tuple[object, ...]
) -> None:
    retailer.write("sales_2015-06-22.csv", text(SALES_HEADER, [line]))
    retailer.land_incoming()
    assert retailer.query("SELECT sales, customers, open FROM raw.sales WHERE load_id = 4") == [
        expected
    ]


def test_contradicting_rows_of_a_store_day_are_all_set_aside(retailer: Retailer) -> None:
    lines = [
        sales_line(1, MONDAY, 10),
        sales_line(2, MONDAY),
        sales_line(1, MONDAY, 11),
        sales_line(1, MONDAY, 10),
        sales_line(3, MONDAY),
        sales_line(3, date(2015, 6, 16)),
    ]
    retailer.write("sales_2015-06-22.csv", text(SALES_HEADER, lines))
    report = retailer.land_incoming()

    assert report.rows_landed == 3
    found = set_aside(retailer)
    assert [(number, column) for number, column, *_ in found] == [
        (2, "Store, Date"),
        (4, "Store, Date"),
        (5, "Store, Date"),
    ]
    assert [row_text for *_, row_text in found] == [lines[0], lines[2], lines[3]]
    assert "more than once with different values" in str(found[0][2])


def test_a_row_that_stands_twice_alike_is_stored_once(retailer: Retailer) -> None:
    lines = [sales_line(1, MONDAY), sales_line(2, MONDAY), sales_line(1, MONDAY)]
    retailer.write("sales_2015-06-22.csv", text(SALES_HEADER, lines))
    (landing,) = retailer.land_incoming().files
    assert (landing.rows_landed, landing.rows_unchanged, landing.quarantined) == (2, 1, {})


def test_a_missing_value_contradicts_a_given_one(retailer: Retailer) -> None:
    lines = [sales_line(1, MONDAY), sales_line(1, MONDAY, Customers=""), sales_line(2, MONDAY)]
    retailer.allow_bad_rows(1)
    retailer.write("sales_2015-06-22.csv", text(SALES_HEADER, lines))
    assert retailer.land_incoming().rows_quarantined == 2


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (plan_line(1, 1, MONDAY, Open=2), "Open", "neither 0 nor 1"),
        (plan_line(1, 1, MONDAY, DayOfWeek=3), "DayOfWeek", "contradicts Date"),
        (plan_line(1, 4, MONDAY), "Store", "not in store.csv"),
        (plan_line(1, 1, MONDAY, Date="soon"), "Date", "not a day"),
        (plan_line(1, 1, MONDAY, Promo=""), "Promo", "missing"),
    ],
)
def test_a_bad_row_of_a_plan_is_set_aside(
    retailer: Retailer, line: str, column: str, reason: str
) -> None:
    lines = [plan_line(7, 2, LATER), line]
    retailer.write("plan_2015-06-22.csv", text(PLAN_HEADER, lines))
    retailer.land_incoming()
    ((number, found_column, found_reason, row_text),) = set_aside(retailer)
    assert (number, found_column, row_text) == (3, column, line)
    assert reason in str(found_reason)


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (",a,a,,,,0,,,", "Store", "missing"),
        ("x,a,a,,,,0,,,", "Store", "not a whole number"),
        ("4,,a,,,,0,,,", "StoreType", "missing"),
        ("4,a,,,,,0,,,", "Assortment", "missing"),
        ("4,a,a,far,,,0,,,", "CompetitionDistance", "not a number"),
        ("4,a,a,-5,,,0,,,", "CompetitionDistance", "negative"),
        ("4,a,a,,13,2008,0,,,", "CompetitionOpenSinceMonth", "outside 1 to 12"),
        ("4,a,a,,,208,0,,,", "CompetitionOpenSinceYear", "outside 1800 to 2100"),
        ("4,a,a,,,,,,,", "Promo2", "missing"),
        ("4,a,a,,,,1,54,2010,", "Promo2SinceWeek", "outside 1 to 53"),
        ("4,a,a,,,,0,,", None, "the line does not have 10 fields"),
    ],
)
def test_a_bad_row_of_stores_is_set_aside(
    retailer: Retailer, line: str, column: str | None, reason: str
) -> None:
    retailer.write("store.csv", text(STORE_HEADER, [line, *STORE_LINES]))
    assert retailer.land_raw().rows_landed == 0
    ((number, found_column, found_reason, row_text),) = set_aside(retailer)
    assert (number, found_column, row_text) == (2, column, line)
    assert reason in str(found_reason)


def test_a_store_twice_with_different_values_is_set_aside(retailer: Retailer) -> None:
    lines = [*STORE_LINES, "4,a,a,,,,0,,,", "4,b,a,,,,0,,,"]
    retailer.write("store.csv", text(STORE_HEADER, lines))
    assert retailer.land_raw().rows_quarantined == 2
    assert retailer.query("SELECT count(*) FROM raw.stores WHERE store = 4") == [(0,)]


def test_a_state_that_germany_does_not_have_is_set_aside(retailer: Retailer) -> None:
    retailer.write("store_states.csv", "Store,State\n1,HE\n2,XX\n3,\n77,BY\n")
    retailer.land_raw()
    assert retailer.query("SELECT store FROM raw.store_states ORDER BY 1") == [(1,), (77,)]
    assert [row[:2] for row in set_aside(retailer)] == [(3, "State"), (4, "State")]


def test_bad_rows_up_to_the_allowed_share_are_set_aside_and_one_more_is_too_many(
    retailer: Retailer,
) -> None:
    good = [sales_line(2, MONDAY - timedelta(days=n)) for n in range(8)]
    bad = [sales_line(1, MONDAY - timedelta(days=n), -1) for n in range(3)]
    retailer.allow_bad_rows(0.2)
    retailer.write("sales_2015-06-22.csv", text(SALES_HEADER, [*good, *bad[:2]]))
    assert retailer.land_incoming().rows_quarantined == 2
    retailer.write("sales_2015-06-23.csv", text(SALES_HEADER, [*good, *bad]))
    with pytest.raises(BadFileError, match=r"3 of 11 rows"):
        retailer.land_incoming()
