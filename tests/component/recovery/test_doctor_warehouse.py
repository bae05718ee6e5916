"""The doctor finds faults of the warehouse, and repairs what is safe to repair."""

from __future__ import annotations

import multiprocessing
import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from support.doctor import repaired, the
from support.small_warehouse import MODEL, change

from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import Severity
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse import schema


def test_a_place_without_a_warehouse_says_how_to_make_one(tmp_path: Path, place: Settings) -> None:
    empty = place.model_copy(
        update={"warehouse_dir": tmp_path / "none", "state_dir": tmp_path / "none"}
    )
    assert "rossmann refresh" in the(empty, "warehouse").remedy
    assert "nothing is published" in the(empty, "pointer").found
    empty.warehouse_path.mkdir()
    duckdb.connect(str(empty.database_path)).close()
    assert "none of the pipeline's tables" in the(empty, "warehouse").found


def test_a_damaged_warehouse_is_an_error_with_the_way_out(place: Settings) -> None:
    place.database_path.write_bytes(b"not a database" * 1000)
    found = the(place, "warehouse")
    assert found.severity is Severity.ERROR
    assert "rossmann restore" in found.found


def test_a_warehouse_in_use_is_said_to_be_in_use(place: Settings, other_writer) -> None:
    # DuckDB's own lock; a test cannot hold it in this process
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=_hold_database, args=(place, held, done))
    process.start()
    assert held.wait(60)
    try:
        found = the(place, "warehouse")
    finally:
        done.set()
        process.join()
    assert found.severity is Severity.NOTE
    assert f"is open in process {process.pid} (" in found.found


def _hold_database(settings: Settings, held: object, done: object) -> None:
    with warehouse.connect(settings):
        held.set()  # type: ignore[attr-defined]
        done.wait(60)  # type: ignore[attr-defined]


def test_an_older_schema_is_migrated(
    place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = schema.newest_version()
    script = tmp_path / f"{version + 1:04}_note.sql"
    script.write_text("ALTER TABLE raw.loads ADD COLUMN note VARCHAR")
    monkeypatch.setattr(schema, "MIGRATIONS_DIR", tmp_path)
    assert f"schema version {version}" in the(place, "schema version").found
    assert "; migrates it" in repaired(place, "schema version")


def test_a_later_schema_is_an_error_without_a_repair(place: Settings) -> None:
    change(
        place,
        "INSERT INTO meta.schema_versions VALUES (99, '', TIMESTAMP '2030-01-01')",
        marts_follow=False,
    )
    found = the(place, "schema version")
    assert (found.severity, found.repair) == (Severity.ERROR, None)


def test_a_missing_champion_is_copied_back_from_what_is_published(place: Settings) -> None:
    shutil.rmtree(place.models_path / MODEL)
    assert the(place, "champion").severity is Severity.ERROR
    repaired(place, "champion")
    assert (place.models_path / MODEL / "model.txt").exists()


def test_a_champion_that_is_nowhere_is_left_to_a_person(place: Settings) -> None:
    shutil.rmtree(place.models_path / MODEL)
    shutil.rmtree(place.published_path / "models" / MODEL)
    found = the(place, "champion")
    assert found.repair is None
    assert "rossmann restore" in found.remedy
    assert "rossmann restore" in the(place, "bundle").remedy
    change(place, "DELETE FROM forecasting.promotions", marts_follow=False)
    assert "no model has been promoted" in the(place, "champion").found


@pytest.mark.parametrize("is_bulk", [True, False])
def test_another_data_set_in_a_folder_is_named(place: Settings, is_bulk: bool) -> None:
    folder = place.raw_path if is_bulk else place.incoming_path
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("Store\n")
    marker = folder / "dataset.json"
    marker.write_text('{"name": "sample-9-9", "is_synthetic": true, "is_historical": true}')
    found = the(place, "data set")
    assert "'sample-6-7'" in found.found
    assert "'sample-9-9'" in found.found
    marker.write_text("half")
    assert "not readable as a data set's marker" in the(place, "data set").found


def test_a_clock_that_was_set_back_is_an_error(place: Settings) -> None:
    tomorrow = warehouse.utc_now() + timedelta(days=1)
    change(
        place,
        "INSERT INTO raw.loads BY NAME SELECT * REPLACE (9 AS load_id, "
        f"TIMESTAMP '{tomorrow}' AS loaded_at) FROM raw.loads WHERE load_id = 1",
        marts_follow=False,
    )
    assert f"{tomorrow:%Y-%m-%d %H:%M}" in the(place, "clock").found
