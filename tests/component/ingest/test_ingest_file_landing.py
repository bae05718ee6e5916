"""One file lands as a whole or not at all, once, and only into its own data set.

Definitions: the docstrings of ``land_file``, ``FileLanding`` and ``rossmann_ml.ingest.data_set``,
``data/README.md`` (no more bad rows than ``ingest.max_quarantined_share``; a warehouse refuses
another data set) and ``docs/how-to/land-a-week.md`` (the last file under a name counts).
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import duckdb
import pytest
from support.ingest_warehouse import all_rows, land, params_allowing, settings_as_of
from support.retailer import SALES_HEADER, STORE_HEADER, STORE_LINES, sales_line, text

from rossmann_ml.base.errors import (
    BadFileError,
    NoDataError,
    RefusedError,
)
from rossmann_ml.base.params import load_params
from rossmann_ml.base.progress import Progress
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.ingest.data_set import DataSet, data_set_of, landed_data_set
from rossmann_ml.ingest.discovery import RawFile, recognise
from rossmann_ml.ingest.file_load import land_file
from rossmann_ml.ingest.reading import open_rows
from rossmann_ml.warehouse.session import Session

FRIDAY = date(2015, 6, 12)
STORES = text(STORE_HEADER, STORE_LINES)
TABLES = ("loads", "sales", "stores", "quarantined_rows", "data_set", "public_holidays")


def contents(connection: duckdb.DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    return [connection.execute(f"FROM raw.{table} ORDER BY ALL").fetchall() for table in TABLES]


def sales_file(good: int, bad: int) -> str:
    """Return a file with one row per date; the last row is good, because a bad one means a cut."""
    days = [FRIDAY - timedelta(days=number) for number in range(good + bad)]
    amounts = [*[9] * (good - 1), *[-1] * bad, 9]
    rows = zip(days, amounts, strict=True)
    return text(SALES_HEADER, [sales_line(1, day, amount, Open=1) for day, amount in rows])


@pytest.mark.parametrize(
    ("share", "good", "bad", "is_refused"),
    [
        (0.01, 99, 1, False),
        (0.01, 98, 1, True),
        (0.29, 71, 29, False),
        (0.0, 5, 1, True),
    ],
)
def test_bad_rows_up_to_the_allowed_share_are_quarantined_and_more_are_refused(
    with_stores: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    share: float,
    good: int,
    bad: int,
    *,
    is_refused: bool,
) -> None:
    path, before = tmp_path / "sales_2015-06-12.csv", contents(with_stores)
    if is_refused:
        with pytest.raises(BadFileError, match=f": {bad} of {good + bad} rows "):
            land(with_stores, path, sales_file(good, bad), bad_share=share)
        assert contents(with_stores) == before
    else:
        landing = land(with_stores, path, sales_file(good, bad), bad_share=share)
        assert (landing.rows_landed, landing.rows_quarantined) == (good, bad)


def test_the_default_share_is_one_in_a_hundred() -> None:
    assert load_params(PROJECT_DIR / "params.yaml").ingest.max_quarantined_share == 0.01


def test_a_refusal_names_share_reason_and_the_first_200_characters_of_the_first_bad_line(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    line = sales_line(1, FRIDAY, -1, Promo="0" * 300)
    rows = [sales_line(2, FRIDAY), line, "x", sales_line(3, FRIDAY)]
    path = tmp_path / "sales_2015-06-12.csv"
    with pytest.raises(BadFileError) as refused:
        land(with_stores, path, text(SALES_HEADER, rows), bad_share=0.25)
    assert str(refused.value) == (
        f"{path}: 2 of 4 rows (50.0%) cannot be stored, more than the 25.0% that "
        "ingest.max_quarantined_share in params.yaml allows; nothing of the file was landed. "
        f"Sales is negative: 1 (column Sales, first in line 3: {line[:200]!r}); "
        "the line does not have 9 fields: 1 (column unknown, first in line 4: 'x')"
    )


def test_lines_that_are_not_rows_are_quarantined_without_a_column(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows = ["x", sales_line(2, FRIDAY)]
    landing = land(with_stores, tmp_path / "sales_2015-06-12.csv", text(SALES_HEADER, rows))
    assert (landing.rows_read, landing.rows_landed, landing.rows_unchanged) == (2, 1, 0)
    assert with_stores.execute(
        "SELECT load_id, kind, file_name, line_number, column_name, reason, row_text "
        "FROM raw.quarantined_rows"
    ).fetchall() == [
        *[(2, "sales", "sales_2015-06-12.csv", 2, None, "the line does not have 9 fields", "x")]
    ]


def test_a_load_is_recorded_with_the_counts_of_the_landing(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "sales_2015-06-12.csv"
    rows = [sales_line(1, FRIDAY, -1), sales_line(2, FRIDAY), sales_line(2, FRIDAY)]
    rows.append(sales_line(3, FRIDAY - timedelta(days=1)))
    started = perf_counter()
    landing = land(with_stores, path, text(f"{SALES_HEADER},Rain", [f"{row},1" for row in rows]))
    assert 0 < landing.seconds < perf_counter() - started
    raw_file = recognise(path)
    assert raw_file is not None
    assert with_stores.execute("SELECT * EXCLUDE loaded_at FROM raw.loads").fetchall()[1] == (
        *(2, "sales", path.name, raw_file.sha256(), False, 4, 2, 0, 1, 1),
        *(date(2015, 6, 11), FRIDAY, date(2015, 6, 15), FRIDAY, 0, 0, *[None] * 6),
    )
    assert landing.warnings == ("columns that are not known and were not read: 'Rain'",)


def test_a_file_read_in_one_block_reports_no_progress_and_leaves_no_temporary_table(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "sales_2015-06-12.csv"
    path.write_text(sales_file(3, 1))
    raw_file = recognise(path)
    assert raw_file is not None
    reported: list[str] = []
    session = Session(settings_as_of(None), params_allowing(1.0), progress=reported.append)
    landing = land_file(session, with_stores, raw_file)
    assert (reported, landing.warnings) == ([], ())
    assert with_stores.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'temp'"
    ).fetchall() == [(0,)]


def test_a_file_of_several_blocks_reports_the_share_read_and_must_not_change_meanwhile(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(open_rows.__kwdefaults__, "block_bytes", 1)
    path = tmp_path / "sales_2015-06-12.csv"
    path.write_text(sales_file(2, 0))
    size, reported = path.stat().st_size, []
    raw_file = recognise(path)
    assert raw_file is not None

    def land_reporting(progress: Progress) -> None:
        session = Session(settings_as_of(None), params_allowing(1.0), progress=progress)
        land_file(session, with_stores, raw_file)

    def append_row(line: str) -> None:
        reported.append(line)
        with path.open("a") as file:
            file.write(sales_line(1, date(2015, 6, 10)) + "\n")

    with pytest.raises(BadFileError, match="the file changed while it was read; land it again"):
        land_reporting(append_row)
    assert with_stores.execute("FROM raw.sales").fetchall() == []
    ends = [len(SALES_HEADER) + 1, (size + len(SALES_HEADER) + 1) // 2]
    assert reported[:2] == [
        f"{path.name}: {rows} rows read ({end / size:.0%})" for rows, end in enumerate(ends)
    ]


def test_rows_of_other_bytes_than_the_hash_identifies_do_not_land(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sales_2015-06-12.csv"
    other = tmp_path / "other"
    other.write_text(sales_file(3, 0))
    hashed = RawFile.sha256

    def swapped_afterwards(raw_file: RawFile) -> str:
        found = hashed(raw_file)
        other.rename(path)
        return found

    monkeypatch.setattr(RawFile, "sha256", swapped_afterwards)
    with pytest.raises(BadFileError, match="the file changed while it was read; land it again"):
        land(with_stores, path, sales_file(2, 0))
    assert with_stores.execute("FROM raw.sales").fetchall() == []


def test_rows_of_stores_need_a_list_of_stores_and_states_do_not(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(NoDataError, match=r"no store\.csv has been landed yet"):
        land(warehouse, tmp_path / "train.csv", sales_file(1, 0))
    assert land(warehouse, tmp_path / "store_states.csv", "Store,State\n9,HE\n").rows_landed == 1


def amounts(warehouse: duckdb.DuckDBPyConnection) -> list[tuple[int, float]]:
    return warehouse.execute(
        f"SELECT store, sales FROM {all_rows('sales')} ORDER BY load_id, store"
    ).fetchall()


def test_the_same_bytes_land_once_under_one_name_and_again_after_another_version(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first, second = tmp_path / "sales_2015-06-12.csv", tmp_path / "sales_2015-06-13.csv"
    ten, twenty = (text(SALES_HEADER, [sales_line(1, FRIDAY, number)]) for number in (10, 20))
    landings = [
        land(with_stores, path, content)
        for path, content in [
            # the same bytes under another name speak of another day
            *((first, ten), (first, ten), (second, ten)),
            *((first, twenty), (first, twenty), (first, ten), (first, ten)),
        ]
    ]
    assert [each.load_id for each in landings] == [2, None, 3, 4, None, 5, None]
    assert [each.was_landed_before for each in landings] == [
        *(False, True, False, False, True, False, True)
    ]
    assert amounts(with_stores) == [(1, 10), (1, 10), (1, 20), (1, 10)]
    known = landings[1]
    assert (known.file_name, known.kind, known.is_bulk, known.rows_read) == (
        *("sales_2015-06-12.csv", "sales", False, 0),
    )


def test_a_file_that_repeats_the_rows_of_another_file_is_stored_so_that_each_can_go_alone(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "train.csv", sales_file(2, 0))
    landing = land(with_stores, tmp_path / "sales_2015-06-12.csv", sales_file(1, 0))
    assert (landing.load_id, landing.rows_unchanged, landing.rows_landed) == (3, 1, 0)
    assert len(contents(with_stores)[0]) == 3


def test_the_rows_of_the_former_edition_in_other_bytes_are_never_recorded(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "sales_2015-06-12.csv"
    land(with_stores, path, sales_file(2, 0))
    for _ in range(2):
        landing = land(with_stores, path, sales_file(2, 0).replace("\n", "\r\n"))
        assert (landing.load_id, landing.was_landed_before) == (None, False)
        assert (landing.rows_unchanged, landing.rows_landed) == (2, 0)
    assert len(contents(with_stores)[0]) == 2


def test_once_a_store_is_known_its_rows_of_an_earlier_file_are_landed(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    early, late = tmp_path / "sales_2015-06-12.csv", tmp_path / "sales_2015-06-13.csv"
    rows = [sales_line(1, FRIDAY, 10), sales_line(4, FRIDAY, 40), sales_line(5, FRIDAY, 50)]
    land(with_stores, early, text(SALES_HEADER, rows))
    land(with_stores, late, text(SALES_HEADER, [sales_line(1, FRIDAY, 11)]))
    assert land(with_stores, early).was_landed_before

    land(with_stores, tmp_path / "store.csv", STORES + "4,a,a,,,,0,,,\n")
    again = land(with_stores, early)
    assert (again.rows_landed, again.rows_restated, again.rows_passed_over) == (1, 0, 1)
    assert again.quarantined == {"Store is not in store.csv": 1}
    assert land(with_stores, late).was_landed_before
    assert amounts(with_stores) == [(1, 10), (1, 11), (1, 10), (4, 40)]
    assert land(with_stores, early).was_landed_before


SAMPLE = {"name": "sample-3-7", "is_synthetic": True, "is_historical": False}


def test_a_folder_without_a_marker_is_the_retailers_if_it_holds_whole_files(
    tmp_path: Path,
) -> None:
    assert data_set_of(tmp_path, is_bulk=True) == DataSet("retailer", is_synthetic=False)
    assert data_set_of(tmp_path, is_bulk=False) is None
    (tmp_path / "dataset.json").write_text(json.dumps(SAMPLE))
    for is_bulk in (True, False):
        assert data_set_of(tmp_path, is_bulk=is_bulk) == DataSet("sample-3-7", True, False)


HALF_A_CHARACTER = rb'{"name": "\ud800", "is_synthetic": true, "is_historical": true}'
MARKERS = [b"{", b"[]", b'{"name": "a"}', b"3", b"\xff", b"[" * 100_000, HALF_A_CHARACTER]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_that_cannot_be_read_is_refused(tmp_path: Path, marker: bytes) -> None:
    (tmp_path / "dataset.json").write_bytes(marker)
    with pytest.raises(BadFileError, match=r"dataset\.json: not readable as a data set's marker"):
        data_set_of(tmp_path, is_bulk=True)


def test_a_warehouse_of_one_data_set_refuses_whole_files_and_drops_of_another(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert landed_data_set(with_stores) == DataSet("retailer")
    other = tmp_path / "other"
    other.mkdir()
    land(with_stores, other / "sales_2015-06-12.csv", sales_file(1, 0))  # drops have no data set
    for name, synthetic in (("zoo", True), ("a", False)):
        marker = {**SAMPLE, "name": name, "is_synthetic": synthetic}
        (other / "dataset.json").write_text(json.dumps(marker))
        before = contents(with_stores)
        with pytest.raises(RefusedError, match=f"'{name}', but .* holds 'retailer'"):
            land(with_stores, other / "sales_2015-06-13.csv", sales_file(2, 0))
        assert contents(with_stores) == before


@pytest.mark.parametrize(("name", "is_historical"), [("the-sample", False), ("a-sample", True)])
def test_the_marker_of_a_sample_decides_for_ever_whether_it_is_historical(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, *, is_historical: bool
) -> None:
    marker = {**SAMPLE, "name": name, "is_historical": is_historical}
    (tmp_path / "dataset.json").write_text(json.dumps(marker))
    assert landed_data_set(warehouse) is None
    land(warehouse, tmp_path / "store.csv", STORES)
    expected = DataSet(name, is_synthetic=True, is_historical=is_historical)
    assert landed_data_set(warehouse) == expected
    # a drop in a folder without a marker goes to the landed data set
    (tmp_path / "drops").mkdir()
    land(warehouse, tmp_path / "drops" / "sales_2015-06-12.csv", sales_file(1, 0))
    assert landed_data_set(warehouse) == expected


def test_the_newest_sales_decide_whether_the_retailers_data_are_historical(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def nature() -> list[tuple[object, ...]]:
        return with_stores.execute(
            "SELECT name, is_synthetic, is_historical FROM raw.data_set"
        ).fetchall()

    found = [nature()]
    for day in (date(2015, 12, 1), date(2016, 1, 4), date(2015, 12, 31)):
        rows = text(SALES_HEADER, [sales_line(1, day)])
        land(with_stores, tmp_path / f"sales_{day}.csv", rows)
        found.append(nature())
    assert found == [[("retailer", False, history)] for history in (False, True, False, False)]
