"""Unusual rows are stored; rows that contradict each other are quarantined.

See ``test_bad_files.py`` for rows that cannot be stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from support.retailer import (
    SALES_HEADER,
    Retailer,
    sales_line,
    text,
)

MONDAY = date(2015, 6, 15)
SUNDAY = date(2015, 6, 21)


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
    # for every file: each line is stored or quarantined, never lost
    assert (
        made.query(
            "SELECT file_name FROM raw.loads "
            "WHERE rows_read <> rows_landed + rows_unchanged + rows_quarantined"
        )
        == []
    )


def quarantined(retailer: Retailer) -> list[tuple[object, ...]]:
    return retailer.query(
        "SELECT line_number, column_name, reason, row_text FROM raw.quarantined_rows "
        "ORDER BY line_number"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (sales_line(1, MONDAY, 0), (0.0, 400, 1)),
        (sales_line(1, MONDAY, 812.75), (812.75, 400, 1)),
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
    day = line.split(",")[2]
    path = retailer.write(f"sales_{day}.csv", text(SALES_HEADER, [line]))
    retailer.land_incoming(accept=[path])  # today is years after the newest landed sales
    assert retailer.query("SELECT sales, customers, open FROM raw.sales WHERE load_id = 4") == [
        expected
    ]


def test_contradicting_rows_of_a_store_day_are_all_quarantined(retailer: Retailer) -> None:
    lines = [
        sales_line(1, MONDAY, 10),
        sales_line(2, MONDAY),
        sales_line(1, MONDAY, 11),
        sales_line(1, MONDAY, 10),
        sales_line(3, MONDAY),
        sales_line(3, date(2015, 6, 16)),
    ]
    retailer.write("sales_2015-06-16.csv", text(SALES_HEADER, lines))
    report = retailer.land_incoming()

    assert sum(file.rows_landed for file in report.files) == 3
    found = quarantined(retailer)
    assert [(number, column) for number, column, *_ in found] == [
        (2, "Store, Date"),
        (4, "Store, Date"),
        (5, "Store, Date"),
    ]
    assert [row_text for *_, row_text in found] == [lines[0], lines[2], lines[3]]
    assert "more than once with different values" in str(found[0][2])
