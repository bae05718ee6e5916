"""Files land once, in order and as a whole; restated rows are stored as new versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    Retailer,
    plan_line,
    sales_line,
    sales_lines,
    text,
)

from rossmann_ml.base.errors import BadFileError, BusyError, HeldError, RefusedError
from rossmann_ml.base.settings import load_settings
from rossmann_ml.ingest import land_raw
from rossmann_ml.warehouse.connection import connect, writer_lock
from rossmann_ml.warehouse.session import Session


@pytest.fixture
def retailer(tmp_path: Path) -> Retailer:
    made = Retailer(tmp_path)
    made.write_bulk()
    return made


def test_bulk_files_land_in_the_order_in_which_they_depend_on_each_other(
    retailer: Retailer,
) -> None:
    retailer.write("store_states.csv", 'Store,State\n1,HE\n2,"HB,NI"\n')
    report = retailer.land_raw()

    assert [file.file_name for file in report.files] == [
        "store.csv",
        "train.csv",
        "test.csv",
        "store_states.csv",
    ]
    assert [file.rows_landed for file in report.files] == [3, 36, 126, 2]
    assert not any(file.quarantined for file in report.files)
    assert retailer.query("SELECT count(*), min(date), max(date) FROM raw.sales") == [
        (36, date(2015, 6, 1), date(2015, 6, 12))
    ]
    assert retailer.query("SELECT store, state FROM raw.store_states ORDER BY 1") == [
        (1, "HE"),
        (2, "HB,NI"),
    ]


def test_empty_fields_are_stored_as_missing_and_not_as_zero(retailer: Retailer) -> None:
    retailer.land_raw()
    assert retailer.query(
        "SELECT competition_distance, competition_open_since_month, promo2, promo_interval "
        "FROM raw.stores WHERE store IN (1, 3) ORDER BY store"
    ) == [(1270.0, 9, 0, None), (None, None, 1, "Mar,Jun,Sept,Dec")]


def test_landing_the_same_files_again_changes_nothing(retailer: Retailer) -> None:
    retailer.land_raw()
    before = retailer.contents()
    report = retailer.land_raw()

    assert not report.is_changed
    assert all(file.was_landed_before for file in report.files)
    assert "landed before" in report.files[0].describe()
    assert retailer.contents() == before


def test_a_restated_row_is_stored_in_addition_to_the_version_it_replaces(
    retailer: Retailer,
) -> None:
    retailer.land_raw()
    day = date(2015, 6, 12)
    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, [sales_line(1, day, 4999)]))
    report = retailer.land_incoming()

    assert (report.files[0].rows_landed, report.files[0].rows_restated) == (1, 1)
    # known from the Monday after the newest sales, because data of 2015 are historical
    assert retailer.query(
        "SELECT sales, known_on, load_id FROM raw.sales WHERE store = 1 AND date = ? "
        "ORDER BY load_id",
        day,
    ) == [(4112.0, day, 2), (4999.0, date(2015, 6, 15), 4)]


def test_weekly_drops_land_in_the_order_of_their_dates(retailer: Retailer) -> None:
    retailer.land_raw()
    for name, sales in (("2015-06-26", 4002), ("2015-06-19", 4001)):
        line = sales_line(1, date(2015, 6, 19), sales)
        retailer.write(f"sales_{name}.csv", text(SALES_HEADER, [line]))
    for name in ("2015-06-12", "2015-06-26"):
        retailer.write(f"plan_{name}.csv", text(PLAN_HEADER, [plan_line(1, 1, day(27))]))
    report = retailer.land_incoming()
    assert [file.file_name for file in report.files] == [
        "plan_2015-06-12.csv",
        "sales_2015-06-19.csv",
        "sales_2015-06-26.csv",
        "plan_2015-06-26.csv",
    ]
    assert retailer.query(
        "SELECT arg_max(sales, load_id) FROM raw.sales WHERE date > ?", day(13)
    ) == [(4002.0,)]


def day(number: int) -> date:
    return date(2015, 6, number)


def test_rows_missing_from_a_newer_bulk_file_stay(retailer: Retailer) -> None:
    retailer.land_raw()
    newer = sales_lines(first=date(2015, 6, 8), last=date(2015, 6, 19))
    retailer.write("train.csv", text(SALES_HEADER, newer))
    with pytest.raises(HeldError, match=r"takes back 21 landed rows of 3 stores and 7 days"):
        retailer.land_raw()
    report = retailer.land_incoming(accept=[retailer.raw / "train.csv"])

    (sales,) = report.files
    assert (sales.rows_landed, sales.rows_restated, sales.rows_unchanged) == (21, 0, 15)
    assert retailer.query("SELECT min(date), max(date) FROM raw.sales") == [(day(1), day(19))]


def test_a_weekly_file_in_the_raw_folder_is_named_with_the_folder_for_it(
    retailer: Retailer,
) -> None:
    (retailer.raw / "sales_2015-06-19.csv").write_text(text(SALES_HEADER, [sales_line(1, day(19))]))
    (warning,) = retailer.land_raw().warnings
    assert f"sales_2015-06-19.csv (a weekly file: move it to {retailer.incoming})" in warning


def test_a_plan_may_have_an_empty_open_field_and_no_id_column(retailer: Retailer) -> None:
    header = PLAN_HEADER.removeprefix("Id,")
    line = plan_line(1, 1, day(13), Open="").removeprefix("1,")
    retailer.write("test.csv", text(header, [line]))
    retailer.land_raw()
    assert retailer.query("SELECT store, open FROM raw.plan") == [(1, None)]


def test_another_data_set_is_refused_with_the_command_for_another_warehouse(
    retailer: Retailer, tmp_path: Path
) -> None:
    retailer.land_raw()
    before = retailer.contents()
    marker = {"name": "sample-3-7", "is_synthetic": True, "is_historical": True}
    (retailer.raw / "dataset.json").write_text(json.dumps(marker))
    retailer.write("train.csv", text(SALES_HEADER, sales_lines()[:5]))

    with pytest.raises(RefusedError, match=r"sample-3-7.*retailer.*ROSSMANN_WAREHOUSE_DIR"):
        retailer.land_raw()
    assert retailer.contents() == before

    elsewhere = load_settings(raw_dir=retailer.raw, warehouse_dir=tmp_path / "other", as_of=None)
    land_raw(Session(elsewhere, retailer.params))


def test_a_sample_is_recorded_as_synthetic_and_historical(sample_dir: Path, tmp_path: Path) -> None:
    retailer = Retailer(tmp_path)
    settings = retailer.settings.model_copy(update={"raw_dir": sample_dir})
    report = land_raw(Session(settings, retailer.params))

    assert not any(file.quarantined for file in report.files)
    assert retailer.query("SELECT name, is_synthetic, is_historical FROM raw.data_set") == [
        ("sample-40-7", True, True)
    ]


def test_a_file_that_cannot_be_written_completely_leaves_nothing(retailer: Retailer) -> None:
    retailer.land_raw()
    with connect(retailer.settings) as connection:
        # rows, load and quarantine are written before the holidays, which now have no room
        connection.execute("DROP TABLE raw.public_holidays")
        connection.execute("CREATE TABLE raw.public_holidays (state VARCHAR, date DATE)")
    before = retailer.contents()
    # the holidays are filled because the sales begin a year earlier
    line = sales_line(1, date(2014, 12, 29))
    retailer.write("sales_2015-01-02.csv", text(SALES_HEADER, [line]))
    with pytest.raises(duckdb.Error):
        retailer.land_incoming()
    assert retailer.contents() == before


def test_landing_does_not_wait_for_another_writer(retailer: Retailer) -> None:
    import subprocess
    import sys

    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from rossmann_ml.base.settings import load_settings\n"
            "from rossmann_ml.warehouse.connection import connect, writer_lock\n"
            "with writer_lock(load_settings(warehouse_dir=sys.argv[1])):\n"
            "    print('held', flush=True)\n"
            "    sys.stdin.read()\n",
            str(retailer.settings.warehouse_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        hasty = retailer.settings.model_copy(update={"lock_timeout_seconds": 0.1})
        with pytest.raises(BusyError, match=str(holder.pid)):
            land_raw(Session(hasty, retailer.params))
    finally:
        holder.communicate("")
    with writer_lock(retailer.settings):
        assert land_raw(Session(retailer.settings, retailer.params)).is_changed


def test_a_refusal_leaves_the_files_before_it_landed(retailer: Retailer) -> None:
    retailer.land_raw()
    good = text(SALES_HEADER, sales_lines())
    retailer.write("sales_2015-06-12.csv", good.replace("4101", "4102"))
    bad = retailer.write("sales_2015-06-13.csv", good[:300])
    retailer.write("sales_2015-06-14.csv", good.replace("4101", "4103"))
    with pytest.raises(BadFileError, match=r"sales_2015-06-13\.csv, line"):
        retailer.land_incoming()
    latest = "SELECT arg_max(sales, load_id) FROM raw.sales WHERE store = 1 AND line_number = 35"
    assert retailer.query(latest) == [(4102.0,)]

    bad.unlink()
    retailer.land_incoming()
    assert retailer.query(latest) == [(4103.0,)]


def quoted_like_kaggle(content: str) -> str:
    """Add quotes to the header's names and to the two holiday columns."""
    header, *lines = content.splitlines()
    rows = [line.rsplit(",", 2) for line in lines]
    names = ",".join(f'"{name}"' for name in header.split(","))
    return text(names, (f'{start},"{state}","{school}"' for start, state, school in rows))


@pytest.mark.parametrize(
    "change",
    [
        quoted_like_kaggle,
        lambda content: "\ufeff" + quoted_like_kaggle(content).replace("\n", "\r\n"),
        lambda content: content.rstrip("\n").replace("\n", "\r\n"),
        lambda content: content + "\n \n",
    ],
    ids=[
        "quoted like Kaggle's",
        "byte order mark, quotes and CRLF",
        "CRLF and no final line end",
        "blank lines at the end",
    ],
)
def test_the_same_rows_in_another_form_are_unchanged(
    retailer: Retailer, change: Callable[[str], str]
) -> None:
    retailer.land_raw()
    retailer.write("train.csv", change(text(SALES_HEADER, sales_lines())))
    sales = retailer.land_raw().files[1]
    assert (sales.rows_unchanged, sales.rows_landed, sales.was_landed_before) == (36, 0, False)
