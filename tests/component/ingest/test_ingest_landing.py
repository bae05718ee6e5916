"""Landing files: what is stored, what is not stored again, and when it counts as known."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    Retailer,
    plan_line,
    sales_line,
    sales_lines,
    text,
)

from rossmann_ml.base.errors import BusyError, NoDataError, RefusedError
from rossmann_ml.base.settings import load_settings
from rossmann_ml.ingest import land_raw
from rossmann_ml.ingest.versions import ALWAYS
from rossmann_ml.warehouse.connection import connect, writer_lock
from rossmann_ml.warehouse.session import Session


@pytest.fixture
def retailer(tmp_path: Path) -> Retailer:
    made = Retailer(tmp_path)
    made.write_bulk()
    return made


def test_the_whole_files_land_in_order_of_what_needs_what(retailer: Retailer) -> None:
    retailer.write("store_states.csv", 'Store,State\n1,HE\n2,"HB,NI"\n')
    report = retailer.land_raw()

    assert [file.file_name for file in report.files] == [
        "store.csv",
        "train.csv",
        "test.csv",
        "store_states.csv",
    ]
    assert [file.rows_landed for file in report.files] == [3, 36, 126, 2]
    assert report.rows_quarantined == 0
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
    assert "landed before" in report.describe()[0]
    assert retailer.contents() == before


def test_other_bytes_that_say_the_same_store_and_record_nothing(retailer: Retailer) -> None:
    retailer.land_raw()
    before = retailer.contents()
    retailer.write("sales_2015-06-12.csv", text(SALES_HEADER, reversed(sales_lines())))
    report = retailer.land_incoming()

    assert report.files[0].rows_unchanged == 36
    assert not report.is_changed
    assert retailer.contents() == before


def test_a_restated_row_is_kept_beside_the_version_it_replaces(retailer: Retailer) -> None:
    retailer.land_raw()
    day = date(2015, 6, 12)
    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, [sales_line(1, day, 4999)]))
    report = retailer.land_incoming()

    assert (report.files[0].rows_landed, report.files[0].rows_restated) == (1, 1)
    # known from the Monday after the newest sales, since data of 2015 are history
    assert retailer.query(
        "SELECT sales, known_on, load_id FROM raw.sales WHERE store = 1 AND date = ? "
        "ORDER BY load_id",
        day,
    ) == [(4112.0, day, 2), (4999.0, date(2015, 6, 15), 4)]


def test_a_row_may_be_restated_again_and_back(retailer: Retailer) -> None:
    retailer.land_raw()
    day = date(2015, 6, 12)
    for name, sales in (("17", 4999), ("18", 5001), ("19", 4112)):
        retailer.write(f"sales_2015-06-{name}.csv", text(SALES_HEADER, [sales_line(1, day, sales)]))
    retailer.land_incoming()
    assert retailer.query(
        "SELECT sales FROM raw.sales WHERE store = 1 AND date = ? ORDER BY load_id", day
    ) == [(4112.0,), (4999.0,), (5001.0,), (4112.0,)]


def test_an_earlier_version_of_a_file_that_is_put_back_restates_what_the_later_one_said(
    retailer: Retailer,
) -> None:
    right = (retailer.raw / "store.csv").read_text(encoding="utf-8")
    retailer.land_raw()
    retailer.write("store.csv", right.replace("1270", "99999"))
    retailer.land_raw()
    retailer.write("store.csv", right)
    report = retailer.land_raw()
    assert [file.rows_restated for file in report.files if file.file_name == "store.csv"] == [1]
    assert retailer.query(
        "SELECT competition_distance FROM raw.stores WHERE store = 1 ORDER BY load_id"
    ) == [(1270.0,), (99999.0,), (1270.0,)]
    assert not retailer.land_raw().is_changed


def test_a_value_that_becomes_missing_is_a_restatement(retailer: Retailer) -> None:
    retailer.land_raw()
    line = sales_line(1, date(2015, 6, 12), Customers="")
    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, [line]))
    assert retailer.land_incoming().files[0].rows_restated == 1


def test_weekly_drops_land_in_the_order_of_their_days(retailer: Retailer) -> None:
    retailer.land_raw()
    for name, sales in (("2015-06-26", 2), ("2015-06-19", 1)):
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
    ) == [(2.0,)]


def day(number: int) -> date:
    return date(2015, 6, number)


def test_rows_missing_from_a_newer_whole_file_stay(retailer: Retailer) -> None:
    retailer.land_raw()
    newer = sales_lines(first=date(2015, 6, 8), last=date(2015, 6, 19))
    retailer.write("train.csv", text(SALES_HEADER, newer))
    report = retailer.land_raw()

    sales = next(file for file in report.files if file.kind == "sales")
    assert (sales.rows_landed, sales.rows_restated, sales.rows_unchanged) == (21, 0, 15)
    assert retailer.query("SELECT min(date), max(date) FROM raw.sales") == [(day(1), day(19))]


def test_whole_history_is_known_on_its_own_day_and_drops_when_they_land(
    retailer: Retailer,
) -> None:
    retailer.land_raw()
    lines = sales_lines(first=day(13), last=day(19))
    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, lines))
    retailer.land_incoming()

    assert retailer.query("SELECT count(*) FROM raw.sales WHERE known_on <> date") == [(21,)]
    assert retailer.query("SELECT DISTINCT known_on FROM raw.sales WHERE date > ?", day(12)) == [
        (date(2015, 6, 22),)
    ]


def test_a_plan_is_known_before_its_first_day(retailer: Retailer) -> None:
    retailer.land_raw()
    assert retailer.query("SELECT DISTINCT known_on FROM raw.plan") == [(day(12),)]


def test_a_plan_fetched_early_is_known_when_it_lands(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path / "early", as_of=day(3))
    retailer.write_bulk()
    retailer.land_raw()
    assert retailer.query("SELECT DISTINCT known_on FROM raw.plan") == [(day(3),)]


def test_a_plan_drop_and_a_restated_plan_are_known_when_they_land(retailer: Retailer) -> None:
    retailer.land_raw()
    lines = [
        plan_line(1, 1, date(2015, 7, 24), Promo=0),
        plan_line(2, 1, date(2015, 7, 25)),
    ]
    retailer.write("plan_2015-06-19.csv", text(PLAN_HEADER, lines))
    retailer.land_incoming()
    assert retailer.query(
        "SELECT date, promo, known_on FROM raw.plan WHERE load_id = 4 ORDER BY date"
    ) == [
        (date(2015, 7, 24), 0, date(2015, 6, 15)),
        (date(2015, 7, 25), 1, date(2015, 6, 15)),
    ]


def test_a_plan_may_leave_the_opening_open_and_come_without_numbers(retailer: Retailer) -> None:
    header = PLAN_HEADER.removeprefix("Id,")
    line = plan_line(1, 1, day(13), Open="").removeprefix("1,")
    retailer.write("test.csv", text(header, [line]))
    retailer.land_raw()
    assert retailer.query("SELECT store, open FROM raw.plan") == [(1, None)]


def test_the_first_stores_are_known_always_and_later_changes_when_they_land(
    retailer: Retailer,
) -> None:
    retailer.land_raw()
    lines = [*STORE_LINES[:2], STORE_LINES[2].replace("3,b", "3,d"), "4,a,a,,,,0,,,"]
    retailer.write("store.csv", text(STORE_HEADER, lines))
    report = retailer.land_raw()

    assert (report.files[0].rows_landed, report.files[0].rows_restated) == (2, 1)
    assert retailer.query("SELECT store, known_on FROM raw.stores ORDER BY load_id, store") == [
        (1, ALWAYS),
        (2, ALWAYS),
        (3, ALWAYS),
        (3, date(2015, 6, 15)),
        (4, date(2015, 6, 15)),
    ]


def test_every_load_of_historical_data_is_dated_by_its_own_clock(retailer: Retailer) -> None:
    retailer.land_raw()
    assert retailer.query("SELECT DISTINCT known_on FROM raw.loads") == [(date(2015, 6, 15),)]


def test_a_store_without_history_is_welcome(retailer: Retailer) -> None:
    lines = [*STORE_LINES, "99,a,a,,,,0,,,"]
    retailer.write("store.csv", text(STORE_HEADER, lines))
    assert retailer.land_raw().rows_quarantined == 0


def test_a_file_is_read_again_when_store_csv_has_got_its_stores(retailer: Retailer) -> None:
    retailer.land_raw()
    retailer.allow_bad_rows(0.5)
    first, second = sales_line(1, day(15), 10), sales_line(4, day(15))
    retailer.write("sales_2015-06-15.csv", text(SALES_HEADER, [first, second]))
    retailer.write("sales_2015-06-16.csv", text(SALES_HEADER, [sales_line(1, day(15), 20)]))
    assert retailer.land_incoming().rows_quarantined == 1

    retailer.write("store.csv", text(STORE_HEADER, [*STORE_LINES, "4,a,a,,,,0,,,"]))
    retailer.land_raw()
    again = retailer.land_incoming()

    assert [file.was_landed_before for file in again.files] == [False, True]
    assert again.rows_landed == 1
    # the row that a later file restated is not put back
    assert retailer.query(
        "SELECT store, arg_max(sales, load_id) FROM raw.sales WHERE date = ? "
        "GROUP BY store ORDER BY store",
        day(15),
    ) == [(1, 20.0), (4, 4415.0)]
    assert not retailer.land_incoming().is_changed


def test_a_weekly_drop_before_any_stores_says_what_to_land_first(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path)
    retailer.write("sales_2015-06-12.csv", text(SALES_HEADER, sales_lines()))
    with pytest.raises(NoDataError, match=r"no store.csv has been landed yet.*rossmann data land"):
        retailer.land_incoming()


def test_an_empty_raw_folder_says_where_files_may_come_from(tmp_path: Path) -> None:
    retailer = Retailer(tmp_path)
    with pytest.raises(NoDataError, match=r"no store\.csv and no train\.csv.*ROSSMANN_RAW_DIR"):
        retailer.land_raw()
    assert not retailer.settings.database_path.exists()


def test_whole_files_that_are_gone_after_landing_are_only_noted(retailer: Retailer) -> None:
    retailer.land_raw()
    (retailer.raw / "train.csv").unlink()
    report = retailer.land_raw()
    assert not report.is_changed
    assert "no train.csv" in report.warnings[0]


def test_another_data_set_is_refused_with_the_way_out(retailer: Retailer, tmp_path: Path) -> None:
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

    assert report.rows_quarantined == 0
    assert retailer.query("SELECT name, is_synthetic, is_historical FROM raw.data_set") == [
        ("sample-40-7", True, True)
    ]


def test_data_of_a_living_retailer_are_not_history(retailer: Retailer) -> None:
    retailer.land_raw()
    assert retailer.query("SELECT is_historical FROM raw.data_set") == [(True,)]
    line = sales_line(1, date(2016, 1, 4))
    retailer.write("sales_2016-01-04.csv", text(SALES_HEADER, [line]))
    retailer.land_incoming()

    assert retailer.query("SELECT is_historical FROM raw.data_set") == [(False,)]
    assert retailer.query("SELECT known_on FROM raw.sales WHERE date > ?", day(30)) == [
        (date.today(),)
    ]


def test_a_file_of_which_a_part_cannot_be_written_leaves_nothing(retailer: Retailer) -> None:
    retailer.land_raw()
    with connect(retailer.settings) as connection:
        # rows, load and quarantine are written before the holidays, which now have no room
        connection.execute("DROP TABLE raw.public_holidays")
        connection.execute("CREATE TABLE raw.public_holidays (state VARCHAR, date DATE)")
    before = retailer.contents()
    retailer.write("sales_2016-01-04.csv", text(SALES_HEADER, [sales_line(1, date(2016, 1, 4))]))
    with pytest.raises(duckdb.Error):
        retailer.land_incoming()
    assert retailer.contents() == before


def test_an_unknown_column_is_named_and_not_read(retailer: Retailer) -> None:
    lines = [f"{line},rainy" for line in sales_lines()]
    retailer.write("train.csv", text(f"{SALES_HEADER},Weather", lines))
    report = retailer.land_raw()
    assert report.files[1].warnings == ("columns that are not known and were not read: 'Weather'",)
    assert report.files[1].rows_landed == 36


def test_csv_files_of_other_names_are_left_alone_and_named(retailer: Retailer) -> None:
    retailer.land_raw()
    (retailer.incoming / "sales_2015-06-31.csv").write_text(text(SALES_HEADER, sales_lines()))
    (retailer.incoming / "notes.txt").write_text("hello")
    report = retailer.land_incoming()
    assert report.files == ()
    assert "sales_2015-06-31.csv" in report.warnings[0]
    assert "notes" not in report.warnings[0]


def test_landing_waits_for_no_other_writer(retailer: Retailer) -> None:
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
