"""Files that are refused whole: the message says where and what, and nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    Retailer,
    plan_lines,
    sales_lines,
    text,
)

from rossmann_ml.base.errors import BadFileError, RossmannError

GOOD = text(SALES_HEADER, sales_lines())


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Retailer:
    """A retailer whose files are landed; tests offer bad ones, which must change nothing."""
    retailer = Retailer(tmp_path_factory.mktemp("refusals"))
    retailer.write_bulk()
    retailer.land_raw()
    return retailer


def refuse(
    retailer: Retailer, name: str, content: str | bytes, error: type[RossmannError] = BadFileError
) -> str:
    """Offer a file, and return the message with which it is refused."""
    before = retailer.contents()
    path = retailer.write(name, content)
    try:
        with pytest.raises(error) as refusal:
            retailer.land_incoming(path)
    finally:
        path.unlink()
    assert retailer.contents() == before
    message = str(refusal.value)
    assert name in message
    return message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", "the file is empty", id="empty"),
        pytest.param("\n \n", "the file is empty", id="blank"),
        pytest.param(SALES_HEADER, "line 1: there is a header but no row", id="header-only"),
        pytest.param(
            f"{SALES_HEADER}\n\n\r\n", "line 1: there is a header but no row", id="blank-rows"
        ),
        pytest.param(
            GOOD.replace("Sales,", "", 1),
            "line 1: column 'Sales' is missing",
            id="missing-column",
        ),
        pytest.param(
            GOOD.replace("Customers", "Costumers"),
            "column 'Customers' is missing (is 'Costumers' meant?)",
            id="misspelt-column",
        ),
        pytest.param(
            GOOD.replace("StateHoliday", "state_holiday"),
            "column 'StateHoliday' is missing (is 'state_holiday' meant?)",
            id="column-in-other-spelling",
        ),
        pytest.param(
            GOOD.replace("Promo,", "Open,"),
            "column 'Promo' is missing",
            id="column-replaced-by-another",
        ),
        pytest.param(
            text(f"{SALES_HEADER},Open", (f"{line},1" for line in sales_lines())),
            "column Open stands there more than once",
            id="duplicated-column",
        ),
        pytest.param(
            GOOD.replace(",", ";"),
            "separated by a semicolon (';'); expected a comma",
            id="semicolons",
        ),
        pytest.param(GOOD.replace(",", "\t"), "separated by a tab", id="tabs"),
        pytest.param(GOOD.replace("\n", "\r"), "carriage return alone", id="carriage-returns"),
        pytest.param(GOOD.encode("utf-16"), "this is UTF-16 text", id="utf-16"),
        pytest.param(GOOD.encode("utf-16-le"), "NUL byte", id="utf-16-without-mark"),
        pytest.param(
            GOOD.replace("1,1,2015-06-01,4101", "1,1,2015-06-01,4\x00101").encode(),
            "line 35, byte 17 of the line: a NUL byte",
            id="nul",
        ),
        pytest.param(
            GOOD.replace("2,3,2015-06-03", "2,3,Münster").encode("latin-1"),
            "line 30, byte 6 of the line: byte 0xFC is not UTF-8",
            id="latin-1",
        ),
        pytest.param(b"PK\x03\x04" + GOOD.encode(), "a zip archive or an Excel", id="zip"),
        pytest.param(GOOD[: GOOD.rindex(",0,0")], "line 37: the file is cut off", id="cut-in-row"),
        pytest.param(
            GOOD[: GOOD.rindex(",0,0")] + "\n", "line 37: the file is cut off", id="last-row-short"
        ),
        pytest.param(
            GOOD.rstrip("\n") + ',"0', "line 37: the file is cut off", id="cut-within-quotes"
        ),
        pytest.param(
            GOOD.rstrip("\n") + ",0", "line 37: the file is cut off", id="last-row-long-and-no-end"
        ),
        pytest.param(
            text(SALES_HEADER, ["1" * 18_000_000]),
            "line 2: the line is longer than 1,048,576 bytes",
            id="endless-line",
        ),
        pytest.param(
            text(STORE_HEADER, STORE_LINES),
            "these are the columns of stores (like store.csv), but the file's name says sales",
            id="stores-as-sales",
        ),
        pytest.param(
            text(PLAN_HEADER, plan_lines()), "these are the columns of plan", id="plan-as-sales"
        ),
        pytest.param(
            ",".join([SALES_HEADER, *map(str, range(300))]) + "\n1\n", "columns", id="very-wide"
        ),
        pytest.param('"Store,DayOfWeek\n1,2\n', "header cannot be read", id="unpaired-quotes"),
    ],
)
def test_a_bad_file_is_refused_whole_with_place_and_reason(
    landed: Retailer, content: str | bytes, expected: str
) -> None:
    assert expected in refuse(landed, "sales_2015-06-19.csv", content)


def test_a_refused_header_names_what_was_found_and_expected(landed: Retailer) -> None:
    message = refuse(landed, "sales_2015-06-19.csv", GOOD.replace("Customers", "Visitors"))
    assert "Found Store, DayOfWeek, Date, Sales, Visitors" in message
    assert f"expected {SALES_HEADER.replace(',', ', ')}" in message


def test_sales_under_the_name_of_a_plan_are_refused(landed: Retailer) -> None:
    message = refuse(landed, "plan_2015-06-19.csv", GOOD)
    assert "these are the columns of sales (like train.csv)" in message


def test_too_many_bad_rows_are_summed_up_by_reason_with_examples(landed: Retailer) -> None:
    content = GOOD.replace("1,1,2015-06-01,4101", "1,1,2015-06-01,-1").replace(
        "1,2,2015-06-02", "1,2,2015-02-30"
    )
    message = refuse(landed, "sales_2015-06-19.csv", content, BadFileError)
    assert "2 of 36 rows (5.6%) cannot be stored" in message
    assert "ingest.max_quarantined_share" in message
    assert "Sales is negative: 1 (column Sales, first in line 35: '1,1,2015-06-01,-1,400" in message
    assert "Date is not a day written YYYY-MM-DD: 1 (column Date, first in line 32" in message


def test_a_refusal_leaves_the_files_before_it_landed(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path)
    retailer.write_bulk()
    retailer.land_raw()
    retailer.write("sales_2015-06-12.csv", GOOD.replace("4101", "4102"))
    bad = retailer.write("sales_2015-06-13.csv", GOOD[:300])
    retailer.write("sales_2015-06-14.csv", GOOD.replace("4101", "4103"))
    with pytest.raises(BadFileError, match=r"sales_2015-06-13\.csv, line"):
        retailer.land_incoming()
    latest = "SELECT arg_max(sales, load_id) FROM raw.sales WHERE store = 1 AND line_number = 35"
    assert retailer.query(latest) == [(4102.0,)]

    bad.unlink()
    retailer.land_incoming()
    assert retailer.query(latest) == [(4103.0,)]


def test_a_name_that_says_nothing_is_refused_when_given(landed: Retailer) -> None:
    path = landed.raw / "sales.csv"
    path.write_text(GOOD)
    with pytest.raises(BadFileError, match=r"sales\.csv: the name does not say.*sales_YYYY-MM-DD"):
        landed.land_incoming(path)


def test_a_path_that_is_not_there_is_refused(landed: Retailer) -> None:
    with pytest.raises(BadFileError, match="there is no such file"):
        landed.land_incoming(landed.raw / "gone" / "train.csv")


def test_a_damaged_marker_is_refused(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path)
    retailer.write_bulk()
    retailer.write("dataset.json", '{"name": "sample"}')
    with pytest.raises(BadFileError, match=r"dataset\.json: not readable.*is_synthetic"):
        retailer.land_raw()
