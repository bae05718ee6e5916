"""Landing and status before there is a warehouse open and write no database.

Definitions: the docstrings of ``land_raw``, ``require_files``, ``land_incoming`` and
``DataStatus``. Tests with a warehouse file are in ``tests/component/ingest``.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import land, params_allowing, session_on
from support.retailer import STORE_HEADER, STORE_LINES, text

from rossmann_ml.base.errors import BadFileError, NoDataError
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.ingest.data_set import DataSet
from rossmann_ml.ingest.discovery import EXPECTED_NAMES
from rossmann_ml.ingest.landing import land_incoming, land_raw, require_files
from rossmann_ml.ingest.status import data_status
from rossmann_ml.warehouse.session import Session


@pytest.fixture
def places(tmp_path: Path) -> Settings:
    for name in ("raw", "incoming"):
        (tmp_path / name).mkdir()
    found = load_settings(home=tmp_path, raw_dir=Path("raw"), incoming_dir=Path("incoming"))
    return found.model_copy(update={"warehouse_dir": tmp_path / "warehouse"})


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(name)


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ([], "no store.csv and no train.csv"),
        (["store.csv", "test.csv"], "no train.csv"),
        (["train.csv", "sales_2015-06-12.csv"], "no store.csv"),
    ],
)
def test_the_whole_history_needs_stores_and_sales(
    places: Settings, there: list[str], missing: str
) -> None:
    fill(places.raw_path, *there)
    for command in (
        lambda: require_files(Session(places)),
        lambda: land_raw(Session(places, params_allowing(0.01))),
    ):
        with pytest.raises(NoDataError, match=f"{places.raw_path} holds {missing}: set ROSSMANN"):
            command()
    assert not places.warehouse_path.exists()


def test_the_bulk_files_are_found_in_landing_order_without_weekly_drops(places: Settings) -> None:
    fill(places.raw_path, "test.csv", "train.csv", "sales_2015-06-12.csv", "store.csv", "x.csv")
    files, missing = require_files(Session(places))
    assert [file.path.name for file in files] == ["store.csv", "train.csv", "test.csv"]
    assert missing == set()


def test_without_weekly_drops_nothing_lands_and_no_warehouse_is_opened(places: Settings) -> None:
    report = land_incoming(Session(places, params_allowing(0.01)))
    assert (report.files, report.warnings, report.is_changed) == ((), (), False)
    fill(places.incoming_path, "b.csv", "a.csv", "notes.txt")
    report = land_incoming(Session(places, params_allowing(0.01)))
    assert (report.files, report.warnings) == (
        (),
        (
            f"not landed from {places.incoming_path}, which takes {EXPECTED_NAMES}: "
            "a.csv (its name is not one that is landed), b.csv (its name is not one that is "
            "landed), notes.txt (its name is not one that is landed)",
        ),
    )
    assert land_incoming(Session(places, params_allowing(0.01)), paths=[]).warnings == ()
    with pytest.raises(BadFileError, match="the name does not say what the file holds"):
        land_incoming(
            Session(places, params_allowing(0.01)), paths=[places.incoming_path / "a.csv"]
        )
    assert not places.warehouse_path.exists()


def test_files_land_in_landing_order_and_each_is_reported(places: Settings) -> None:
    (places.raw_path / "store_states.csv").write_text("Store,State\n1,HE\n2,BY\n")
    (places.raw_path / "store.csv").write_text(text(STORE_HEADER, STORE_LINES))
    reported: list[str] = []
    session = Session(places, params_allowing(0.01), progress=reported.append)
    landings = land_incoming(session, paths=[places.raw_path]).files
    assert [(each.file_name, each.load_id, each.rows_landed) for each in landings] == [
        ("store.csv", 1, 3),
        ("store_states.csv", 2, 2),
    ]
    assert reported == [each.describe() for each in landings]
    again = land_incoming(session, paths=[places.raw_path]).files
    assert reported[2:] == [
        "store.csv: unchanged: this file was landed before",
        "store_states.csv: unchanged: this file was landed before",
    ]
    assert [each.was_landed_before for each in again] == [True, True]


def test_without_a_warehouse_every_file_waits(places: Settings) -> None:
    fill(places.raw_path, "train.csv", "store.csv", "odd.csv")
    fill(places.incoming_path, "plan_2015-06-12.csv", "sales_2015-06-12.csv", "strange.csv")
    status = data_status(Session(places, params_allowing(0.01)))
    assert [file.path for file in status.waiting] == [
        *(places.raw_path / name for name in ("store.csv", "train.csv")),
        *(places.incoming_path / f"{kind}_2015-06-12.csv" for kind in ("sales", "plan")),
    ]
    assert tuple(each.path for each in status.left_alone) == (
        places.raw_path / "odd.csv",
        places.incoming_path / "strange.csv",
    )
    assert (status.has_warehouse, status.data_set, status.today, status.landed) == (
        *(False, None, None, ()),
    )
    assert not places.warehouse_path.exists()


def test_the_status_of_an_open_database_has_a_business_date_after_the_first_landing(
    warehouse: duckdb.DuckDBPyConnection, places: Settings
) -> None:
    empty = data_status(session_on(warehouse, places))
    assert (empty.has_warehouse, empty.data_set, empty.today, empty.landed) == (
        *(True, None, None, ()),
    )
    stores = places.raw_path / "store.csv"
    land(warehouse, stores, text(STORE_HEADER, STORE_LINES))
    (places.incoming_path / "store.csv").write_bytes(stores.read_bytes())
    (places.incoming_path / "train.csv").write_bytes(stores.read_bytes())
    status = data_status(session_on(warehouse, places))
    assert (status.data_set, status.today) == (DataSet("retailer"), date.today())
    # the bytes were landed as stores, under any name of that kind, and not as sales
    assert [file.path.name for file in status.waiting] == ["train.csv"]


def test_a_database_without_the_raw_tables_is_not_a_warehouse(places: Settings) -> None:
    fill(places.raw_path, "train.csv")
    with duckdb.connect() as connection:
        status = data_status(session_on(connection, places))
    assert (status.has_warehouse, status.data_set, len(status.waiting)) == (False, None, 1)
