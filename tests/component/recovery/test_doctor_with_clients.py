"""The doctor tells busy, forbidden, changed and damaged apart, and repairs only what is damaged."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support.doctor import findings, the
from support.other_programs import as_another_user, edit_by_hand, sql_client
from support.small_warehouse import add_week

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import publish
from rossmann_ml.recovery import Severity, examine, repair
from rossmann_ml.serving.changes import digest_path
from rossmann_ml.serving.generations import current_path
from rossmann_ml.serving.status import status_path
from rossmann_ml.training.registry_files import artifacts_path, registry_path
from rossmann_ml.training.tracking import EXPERIMENT
from rossmann_ml.warehouse.session import Session


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of every file below a folder, except the lock's."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and "writer.lock" not in path.name
    }


def test_a_repair_leaves_a_busy_generation_and_its_pointer_alone(place: Settings) -> None:
    current = current_path(place.published_path)
    with sql_client(current) as pid:
        before = state_of(place.published_path)
        found = the(place, "busy generation")
        assert (found.severity, found.repair) == (Severity.WARNING, None)
        assert f"process {pid}" in found.found
        assert repair(place) == []
        assert state_of(place.published_path) == before
    assert examine(place) == []


def test_an_older_generation_that_is_busy_is_only_noted(
    place: Settings, project_params: Params
) -> None:
    first = current_path(place.published_path)
    add_week(place)
    publish(Session(place, project_params), run_id="weekly-2")
    with sql_client(first):
        assert the(place, "busy generation").severity is Severity.NOTE
        assert repair(place) == []


def test_a_repair_leaves_a_generation_alone_that_this_user_may_not_read(place: Settings) -> None:
    current = current_path(place.published_path)
    current.chmod(0)
    for folder in (*place.published_path.parents, place.published_path):
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)

    def look() -> None:
        found = the(place, "generation")
        raise AssertionError(f"{found.repair}, {found.found}, {findings(place, 'pointer')}")

    said = as_another_user(look)
    assert "AssertionError: None, " in said
    assert f"{current.name} cannot be read or written: Permission denied" in said
    assert said.endswith("[]")


def test_a_changed_generation_is_an_error_and_stays(place: Settings) -> None:
    current = current_path(place.published_path)
    edit_by_hand(current)
    found = the(place, "changed generation")
    assert (found.severity, found.repair) == (Severity.ERROR, None)
    assert "rossmann publish" in found.found
    assert findings(place, "pointer") == []
    repair(place)
    assert current_path(place.published_path) == current


def test_a_copy_under_another_name_stays(place: Settings) -> None:
    other = place.published_path / "0123456789ab.duckdb"
    shutil.copy(current_path(place.published_path), other)
    assert repair(place) == []
    assert other.exists()


def test_a_damaged_generation_that_somebody_has_open_is_not_renamed(place: Settings) -> None:
    current = current_path(place.published_path)
    digest_path(current).unlink()
    current.chmod(0o644)
    os.truncate(current, 5000)
    with current.open("rb") as stream, subprocess.Popen(["sleep", "60"], stdin=stream) as program:
        repair(place)
        assert current.exists()
        program.kill()
    repair(place)
    assert not current.exists()


def test_the_warehouse_that_a_client_holds_is_noted_and_named(place: Settings) -> None:
    with sql_client(place.database_path) as pid:
        found = the(place, "warehouse")
        assert (found.severity, found.repair) == (Severity.NOTE, None)
        assert f"process {pid}" in found.found


def test_a_status_that_may_not_be_read_is_not_removed(place: Settings) -> None:
    path = status_path(place.published_path)
    path.chmod(0)
    for folder in (*place.published_path.parents, place.published_path):
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)

    def look() -> None:
        raise AssertionError(str([(each.found, each.repair) for each in findings(place, "status")]))

    said = as_another_user(look)
    assert "Permission denied" in said
    assert "None" in said


@pytest.fixture
def moved(place: Settings) -> Settings:
    """A place whose registry names the artifacts folder of another place."""
    registry = registry_path(place)
    assert registry is not None
    with closing(sqlite3.connect(registry)) as connection, connection:
        connection.execute("CREATE TABLE experiments (name TEXT, artifact_location TEXT)")
        connection.execute("CREATE TABLE runs (artifact_uri TEXT)")
        there = "/another/place/mlflow/artifacts"
        connection.execute("INSERT INTO experiments VALUES (?, ?)", [EXPERIMENT, there])
        connection.execute("INSERT INTO runs VALUES (?)", [f"{there}/run-1/artifacts"])
        connection.execute("INSERT INTO runs VALUES ('/elsewhere/run-2')")
    return place


def test_the_registry_of_a_moved_folder_is_found_and_repaired(moved: Settings) -> None:
    assert "/another/place/mlflow/artifacts" in the(moved, "MLflow").found
    assert "moved or copied" in the(moved, "MLflow").found
    (done,) = repair(moved)
    assert "moved or copied" in done
    assert findings(moved, "MLflow") == []
    registry = registry_path(moved)
    assert registry is not None
    with closing(sqlite3.connect(registry)) as connection:
        assert connection.execute("SELECT artifact_uri FROM runs").fetchall() == [
            (f"{artifacts_path(moved)}/run-1/artifacts",),
            ("/elsewhere/run-2",),
        ]


def test_a_registry_that_is_named_by_a_link_was_not_moved(place: Settings, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(place.state_path, target_is_directory=True)
    registry = registry_path(place)
    assert registry is not None
    with closing(sqlite3.connect(registry)) as connection, connection:
        connection.execute("CREATE TABLE experiments (name TEXT, artifact_location TEXT)")
        connection.execute(
            "INSERT INTO experiments VALUES (?, ?)", [EXPERIMENT, f"{link}/mlflow/artifacts"]
        )
    assert findings(place, "MLflow") == []


def test_a_damaged_registry_is_called_damaged(place: Settings) -> None:
    registry = registry_path(place)
    assert registry is not None
    registry.write_bytes(b"no database" * 1000)
    (found,) = findings(place, "MLflow")
    assert "is damaged" in found.found


def test_a_registry_that_another_program_locks_is_called_busy(place: Settings) -> None:
    registry = registry_path(place)
    assert registry is not None
    with closing(sqlite3.connect(registry)) as connection:
        connection.execute("CREATE TABLE experiments (name TEXT)")
        connection.commit()
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        (found,) = findings(place, "MLflow")
    assert (found.severity, "busy" in found.found) == (Severity.NOTE, True)


def test_a_repair_that_did_not_happen_is_not_reported(place: Settings) -> None:
    held, free = (place.state_path / "dagster" / name for name in ("a.db", "b.db"))
    held.parent.mkdir(parents=True)
    for path in (held, free):
        path.write_bytes(b"no database" * 1000)
    with held.open() as stream, subprocess.Popen(["sleep", "60"], stdin=stream) as program:
        (done,) = repair(place)
        program.kill()
    assert str(free) in done
    assert str(held) in the(place, "Dagster").found
