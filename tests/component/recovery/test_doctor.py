"""The doctor finds each planted fault, advises, and repairs what is safe to repair."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from support.small_warehouse import MODEL, add_week, change
from typer.testing import CliRunner

from rossmann_ml.base.errors import BusyError, TrackingError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.cli import recovery as commands
from rossmann_ml.publish.publishing import PublishedGeneration, publish, rollback_generation
from rossmann_ml.recovery import Finding, Severity, archive, examine, repair, surroundings
from rossmann_ml.serving.generations import current_path
from rossmann_ml.serving.status import FailedRun, write_status
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse import schema
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]


@pytest.fixture
def place(published_generation: Published, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A published place in which nothing is wrong."""
    settings, _ = published_generation
    registry = archive.registry_path(settings)
    assert registry is not None
    registry.parent.mkdir(parents=True)
    registry.touch()
    monkeypatch.setattr(tracking, "alias_version", lambda _: "1")
    return settings


def findings(settings: Settings, subject: str) -> list[Finding]:
    return [each for each in examine(settings) if each.subject == subject]


def the(settings: Settings, subject: str) -> Finding:
    (found,) = findings(settings, subject)
    return found


def repaired(settings: Settings, subject: str) -> str:
    """Repair, and check that the finding is gone."""
    assert the(settings, subject).repair is not None
    done = repair(settings)
    assert findings(settings, subject) == []
    return "; ".join(done)


def test_nothing_is_found_where_nothing_is_wrong(place: Settings) -> None:
    assert examine(place) == []
    assert repair(place) == []


# --- files -------------------------------------------------------------------------------------


def _hold(settings: Settings, held: object, done: object) -> None:
    with warehouse.writer_lock(settings):
        held.set()  # type: ignore[attr-defined]
        done.wait(60)  # type: ignore[attr-defined]


@pytest.fixture
def other_writer(place: Settings):
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(place, held, done))
    process.start()
    assert held.wait(60)
    yield process
    done.set()
    process.join()


def test_who_holds_the_lock_is_named_and_nothing_is_repaired_meanwhile(
    place: Settings, other_writer
) -> None:
    found = the(place, "lock")
    assert found.severity is Severity.NOTE
    assert f"process {other_writer.pid}" in found.found
    impatient = place.model_copy(update={"lock_timeout_seconds": 0})
    with pytest.raises(BusyError, match=str(other_writer.pid)):
        repair(impatient)


def test_the_note_of_a_writer_that_died_is_removed(place: Settings) -> None:
    owner = warehouse.owner_path(place)
    owner.write_text('{"pid": 999999, "since": "2015-08-01T06:00:00+00:00"}')
    assert "process 999999, since 2015-08-01" in the(place, "lock").found
    assert "removes the note" in repaired(place, "lock")
    assert not owner.exists()
    owner.write_text("not JSON")
    assert "not JSON" in the(place, "lock").found
    owner.unlink()


def test_a_lock_held_for_days_is_a_warning(place: Settings) -> None:
    with warehouse.writer_lock(place):
        old = {"pid": os.getpid(), "since": "2015-08-01T06:00:00+00:00"}
        warehouse.owner_path(place).write_text(json.dumps(old))
        assert the(place, "lock").severity is Severity.WARNING


def test_half_written_files_are_removed_wherever_they_are(place: Settings) -> None:
    half = [
        place.published_path / ".0123456789ab.duckdb.tmp",
        place.published_path / "vintages" / ".forecasts_2015-01-02_x.parquet.tmp",
        place.published_path / "models" / ".model.tmp" / "part",
        place.models_path / ".blend-20150731.tmp" / "part",
        place.restore_path / "new" / "part",
    ]
    for path in half:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert the(place, "half-written files").found.startswith("5 left by writers that died")
    repaired(place, "half-written files")
    assert not any(path.exists() for path in half)


def test_a_publication_removes_what_killed_ones_left(
    place: Settings, project_params: Params
) -> None:
    left = place.published_path / "vintages" / ".forecasts.parquet.tmp"
    model = place.models_path / ".blend-20150731.tmp"
    for folder in (left.parent, model):
        folder.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    publish(Session(place, project_params), run_id="next")
    assert not left.exists()
    assert not model.exists()


# --- the warehouse -----------------------------------------------------------------------------


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
    assert "is open in another process" in found.found


def _hold_database(settings: Settings, held: object, done: object) -> None:
    with warehouse.connect(settings):
        held.set()  # type: ignore[attr-defined]
        done.wait(60)  # type: ignore[attr-defined]


def test_an_older_schema_is_migrated(
    place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0002_note.sql").write_text("ALTER TABLE raw.loads ADD COLUMN note VARCHAR")
    monkeypatch.setattr(schema, "MIGRATIONS_DIR", tmp_path)
    assert "schema version 1" in the(place, "schema version").found
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
        "INSERT INTO raw.loads VALUES (9, 'sales', 'f', 'h', false, 1, 1, 0, 0, 0, NULL, NULL, "
        f"DATE '2015-08-03', TIMESTAMP '{tomorrow}')",
        marts_follow=False,
    )
    assert f"{tomorrow:%Y-%m-%d %H:%M}" in the(place, "clock").found


# --- what is served ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "0123", "../../etc/passwd\n", "ffffffffffff.duckdb\n"])
def test_an_unusable_pointer_is_set_to_the_newest_whole_generation(
    place: Settings, text: str
) -> None:
    before = current_path(place.published_path)
    (place.published_path / "CURRENT").write_text(text)
    assert the(place, "pointer").severity is Severity.ERROR
    repaired(place, "pointer")
    assert current_path(place.published_path) == before


def test_a_missing_pointer_is_made_again(place: Settings) -> None:
    (place.published_path / "CURRENT").unlink()
    assert "no CURRENT" in the(place, "pointer").found
    repaired(place, "pointer")


def damage(path: Path) -> None:
    path.chmod(0o644)
    size = path.stat().st_size
    with path.open("r+b") as stream:
        for at in range(size // 4, size - 4096, size // 64):
            stream.seek(at)
            stream.write(os.urandom(2048))


@pytest.mark.parametrize("fault", [damage, lambda path: os.truncate(path, 5000)])
def test_readers_are_given_the_newest_whole_generation_when_the_current_is_damaged(
    place: Settings, project_params: Params, fault: Callable[[Path], None]
) -> None:
    first = current_path(place.published_path)
    add_week(place)
    second = publish(Session(place, project_params), run_id="weekly-2")
    second.path.chmod(0o644)
    fault(second.path)
    assert the(place, "damaged generation").severity is Severity.ERROR
    repaired(place, "damaged generation")
    assert current_path(place.published_path) == first
    assert second.path.with_name(f"{second.path.name}.damaged").exists()


def test_a_generation_under_another_name_is_no_generation(place: Settings) -> None:
    other = place.published_path / "0123456789ab.duckdb"
    shutil.copy(current_path(place.published_path), other)
    assert "0123456789ab.duckdb" in the(place, "damaged generation").found


def test_a_file_of_somebody_else_next_to_the_generations_is_left_alone(place: Settings) -> None:
    (place.published_path / "my analysis.duckdb").write_bytes(b"mine")
    assert examine(place) == []


def test_when_no_generation_is_whole_a_person_is_asked(place: Settings) -> None:
    path = current_path(place.published_path)
    path.chmod(0o644)
    path.write_bytes(b"rubbish")
    found = the(place, "pointer")
    assert found.repair is None
    assert "rossmann publish" in found.remedy


def test_columns_that_differ_from_the_contract_are_named(place: Settings) -> None:
    path = current_path(place.published_path)
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP TABLE forecast_accuracy")
        connection.execute("ALTER TABLE stores ALTER observed_days TYPE VARCHAR")
    found = the(place, "schema drift").found
    assert "forecast_accuracy.forecast_origin is missing, expected DATE" in found
    assert "stores.observed_days is VARCHAR, expected BIGINT" in found or "more" in found


def test_missing_files_of_a_model_are_copied_from_the_warehouse(place: Settings) -> None:
    shutil.rmtree(place.published_path / "models" / MODEL)
    assert "what-if questions fail" in the(place, "bundle").found
    repaired(place, "bundle")


def test_forecasts_that_are_not_published_yet_are_told(
    place: Settings, project_params: Params
) -> None:
    first = current_path(place.published_path)
    origin = add_week(place)
    assert f"{origin}" in the(place, "stale generation").found
    publish(Session(place, project_params), run_id="weekly-2")
    rollback_generation(place, first.stem)
    assert the(place, "stale generation").severity is Severity.NOTE
    assert first.stem in the(place, "rollback").found


def test_an_old_origin_is_stale(place: Settings) -> None:
    later = place.model_copy(update={"as_of": date(2015, 9, 1)})
    assert "2015-07-31, today is 2015-09-01" in the(later, "stale generation").found


def test_readers_of_another_data_set_are_told(place: Settings) -> None:
    change(place, "UPDATE raw.data_set SET name = 'retailer'", marts_follow=False)
    assert "readers see 'sample-6-7'" in the(place, "data set").found


def test_a_failed_run_stays_a_warning_until_one_goes_through(place: Settings) -> None:
    write_status(place, last_failed_run=FailedRun(run_id="r-9", reason="no plan", step="land"))
    assert "run r-9 failed" in the(place, "failed run").found
    (place.published_path / "status.json").write_text("{half")
    repaired(place, "status")


# --- surroundings ------------------------------------------------------------------------------


def test_parameters_that_cannot_be_used_are_named(place: Settings, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("forecast: 3\n")
    wrong = place.model_copy(update={"params_file": tmp_path / "p.yaml"})
    assert "forecast" in the(wrong, "parameters").found


def test_a_folder_that_cannot_be_written_is_named(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "is_writable", lambda folder: folder != place.state_path)
    assert str(place.state_path) in the(place, "folder").found


def test_little_room_is_told_before_it_is_gone(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "free_bytes", lambda _: 1_000)
    assert findings(place, "disk space")[0].severity is Severity.ERROR
    monkeypatch.setattr(surroundings, "free_bytes", lambda _: 400_000_000)
    assert findings(place, "disk space")[0].severity is Severity.WARNING
    assert archive.free_bytes(place.warehouse_path / "not" / "there") > 0


def test_an_alias_on_another_version_is_set(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias = {"champion": "7"}
    monkeypatch.setattr(tracking, "alias_version", lambda _: alias.get("champion"))
    monkeypatch.setattr(tracking, "set_champion", lambda _, version: alias.update(champion=version))
    assert "on version 7, the warehouse's champion is version 1" in the(place, "alias").found
    repaired(place, "alias")
    change(
        place,
        "UPDATE forecasting.promotions SET is_alias_set = false",
        marts_follow=False,
    )
    alias.clear()
    repaired(place, "alias")
    assert alias == {"champion": "1"}
    assert not promotion.reconcile_alias(Session(place))


def test_a_lost_mlflow_is_a_warning_with_its_address(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Settings) -> str:
        raise TrackingError("MLflow at http://127.0.0.1:1 did not do what was asked")

    monkeypatch.setattr(tracking, "alias_version", fail)
    found = the(place, "MLflow")
    assert found.severity is Severity.WARNING
    assert "127.0.0.1:1" in found.found


def test_a_registry_that_is_gone_is_told_where_a_model_was_registered(place: Settings) -> None:
    registry = archive.registry_path(place)
    assert registry is not None
    registry.unlink()
    assert "though the champion was registered in it" in the(place, "MLflow").found
    change(place, "DELETE FROM forecasting.promotions", marts_follow=False)
    assert findings(place, "MLflow") == []


def test_a_damaged_registry_is_told_and_no_traceback(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    registry = archive.registry_path(place)
    assert registry is not None
    registry.write_bytes(b"not a database " * 500)
    assert "not a database" in the(place, "MLflow").found


# --- the command -------------------------------------------------------------------------------


def run(place: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str):
    import typer

    monkeypatch.setattr(commands, "default_settings", lambda: place)
    app = typer.Typer()
    app.command()(commands.doctor)
    return CliRunner().invoke(app, list(arguments))


def test_the_exit_code_says_whether_trouble_remains(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = run(place, monkeypatch)
    assert (fine.exit_code, fine.stdout) == (0, "Nothing is wrong.\n")
    (place.published_path / "CURRENT").unlink()
    sick = run(place, monkeypatch)
    assert sick.exit_code == 1
    assert "error pointer: there are generations but no CURRENT" in sick.stdout
    assert "rossmann doctor --fix" in sick.stdout
    told = json.loads(run(place, monkeypatch, "--json").stdout)
    assert told["findings"][0]["subject"] == "pointer"
    assert told["findings"][0]["can_be_repaired"] is True
    healed = run(place, monkeypatch, "--fix")
    assert healed.exit_code == 0
    assert healed.stdout.startswith(
        "repaired: pointer: there are generations but no CURRENT; points it to"
    )


def test_what_cannot_be_repaired_stays_a_finding(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.published_path / "CURRENT").unlink()

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("rossmann_ml.recovery.served.move_pointer", fail)
    assert repair(place) == []
    assert the(place, "pointer").severity is Severity.ERROR
