"""A backup holds one moment's state, and is restored whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from support.backups import (
    contents,
    empty_place,
)
from support.other_programs import edit_by_hand
from support.small_warehouse import MODEL, add_week
from typer.testing import CliRunner

from rossmann_ml.base.errors import BusyError, NoDataError, RefusedError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.cli import recovery as commands
from rossmann_ml.publish.publishing import publish
from rossmann_ml.recovery import back_up, examine, restore
from rossmann_ml.recovery.archive import Manifest, pack
from rossmann_ml.serving.generations import current_path
from rossmann_ml.training.registry_files import (
    artifacts_path,
    former_artifacts_path,
    registry_path,
)
from rossmann_ml.training.tracking import EXPERIMENT
from rossmann_ml.warehouse.session import Session


@pytest.fixture
def place(place_with_registry: Settings) -> Settings:
    return place_with_registry


def test_a_backup_comes_back_byte_for_byte_in_an_empty_place(
    place: Settings, archive: Path, tmp_path: Path
) -> None:
    target = empty_place(tmp_path)
    manifest = restore(target, archive)
    assert contents(target.warehouse_path) == contents(place.warehouse_path)
    assert (artifacts_path(target) / "run-1" / "card.md").read_text() == "a model"
    assert manifest.champion == MODEL
    assert manifest.generation_id == current_path(target.published_path).stem
    assert os.access(current_path(target.published_path), os.R_OK)
    assert current_path(target.published_path).stat().st_mode & 0o222 == 0
    assert not any(path.name.startswith(".") for path in target.warehouse_path.iterdir())
    assert not any(path.name.startswith(".") for path in target.state_path.iterdir())


def test_mlflow_finds_its_artifacts_where_they_are_now(
    place: Settings, archive: Path, tmp_path: Path
) -> None:
    target = empty_place(tmp_path)
    restore(target, archive)
    registry = registry_path(target)
    assert registry is not None
    with sqlite3.connect(registry) as connection:
        assert connection.execute("SELECT artifact_location FROM experiments").fetchall() == [
            (str(artifacts_path(target)),)
        ]
        assert connection.execute("SELECT artifact_uri FROM runs").fetchall() == [
            (f"{artifacts_path(target)}/run-1/artifacts",)
        ]
        assert connection.execute("SELECT source FROM model_versions").fetchall() == [
            ("models:/m-1",)
        ]
    connection.close()


def test_a_backup_of_a_copied_place_names_its_own_artifacts_when_it_comes_back(
    place: Settings, tmp_path: Path
) -> None:
    registry = registry_path(place)
    assert registry is not None
    there = "/another/place/mlflow/artifacts"
    with closing(sqlite3.connect(registry)) as connection, connection:
        connection.execute("ALTER TABLE experiments ADD COLUMN name TEXT")
        connection.execute("UPDATE experiments SET name = ?", [EXPERIMENT])
        connection.execute("UPDATE experiments SET artifact_location = ?", [there])
        connection.execute("UPDATE runs SET artifact_uri = ?", [f"{there}/run-1/artifacts"])
    back_up(place, tmp_path / "copied.tar")
    target = empty_place(tmp_path)
    restore(target, tmp_path / "copied.tar")
    assert former_artifacts_path(target, EXPERIMENT) is None
    restored = registry_path(target)
    assert restored is not None
    with closing(sqlite3.connect(restored)) as connection:
        assert connection.execute("SELECT artifact_uri FROM runs").fetchall() == [
            (f"{artifacts_path(target)}/run-1/artifacts",)
        ]


def test_what_is_restored_goes_on_publishing(
    archive: Path, tmp_path: Path, project_params: Params
) -> None:
    target = empty_place(tmp_path)
    before = restore(target, archive).generation_id
    origin = add_week(target)
    generation = publish(Session(target, project_params), run_id="weekly-2")
    assert generation.info.forecast_origin == origin
    assert generation.generation_id != before
    assert [each for each in examine(target) if each.severity == "error"] == []


def test_half_written_files_are_not_in_a_backup(place: Settings, tmp_path: Path) -> None:
    (place.published_path / ".0123456789ab.duckdb.tmp").write_bytes(b"half")
    manifest = back_up(place, tmp_path / "b.tar")
    assert not any(".tmp" in member.path for member in manifest.members)
    assert manifest.has_registry


def test_a_registry_that_a_server_keeps_is_not_in_it_and_stays_where_it_is(
    place: Settings, tmp_path: Path
) -> None:
    served = place.model_copy(update={"mlflow_tracking_uri": "http://user:secret@127.0.0.1:1"})
    file = tmp_path / "b.tar"
    assert not back_up(served, file).has_registry
    assert b"secret" not in file.read_bytes()
    registry = registry_path(place)
    assert registry is not None
    before = registry.read_bytes()
    restore(place, file, replace=True)
    assert registry.read_bytes() == before


def test_an_existing_file_is_not_written_over(place: Settings, archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(RefusedError, match="is there already"):
        back_up(place, archive)
    assert archive.read_bytes() == before


def test_a_backup_that_cannot_be_finished_leaves_nothing(
    place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RefusedError, match="cannot be written"):
        back_up(place, place.database_path / "b.tar")
    for error, raised in ((OSError("no space left"), RefusedError), (KeyError("x"), KeyError)):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("rossmann_ml.recovery.archive._copy_sqlite", fail)
        with pytest.raises(raised):
            back_up(place, tmp_path / "b.tar")
    assert list(tmp_path.glob("*b.tar*")) == []
    with pytest.raises(NoDataError):
        back_up(empty_place(tmp_path), tmp_path / "b.tar")


def test_what_is_there_is_not_replaced_unless_said(
    place: Settings, archive: Path, project_params: Params
) -> None:
    backed_up = contents(place.warehouse_path)
    add_week(place)
    publish(Session(place, project_params), run_id="weekly-2")
    before = contents(place.warehouse_path)
    with pytest.raises(RefusedError, match=r"there is something already: .*--replace"):
        restore(place, archive)
    assert contents(place.warehouse_path) == before
    restore(place, archive, replace=True)
    assert contents(place.warehouse_path) == backed_up


def test_the_commands_say_what_they_did(
    place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.command()(commands.backup)
    app.command()(commands.restore)
    monkeypatch.setattr(commands, "default_settings", lambda: place)
    file = str(tmp_path / "b.tar")
    done = CliRunner().invoke(app, ["backup", file])
    assert done.exit_code == 0
    assert f"champion {MODEL}, generation" in done.stdout
    target = empty_place(tmp_path)
    monkeypatch.setattr(commands, "default_settings", lambda: target)
    assert "data set sample-6-7" in CliRunner().invoke(app, ["restore", file]).stdout
    refused_again = CliRunner().invoke(app, ["restore", file])
    assert isinstance(refused_again.exception, RefusedError)
    served = place.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:1"})
    monkeypatch.setattr(commands, "default_settings", lambda: served)
    shutil.rmtree(tmp_path / "elsewhere")
    assert "registry is not in it" in CliRunner().invoke(app, ["backup", f"{file}2"]).stdout


def test_a_backup_that_another_one_writes_at_the_moment_is_left_to_it(
    place: Settings, tmp_path: Path
) -> None:
    theirs = tmp_path / ".b.tar.tmp"
    theirs.write_bytes(b"half")
    with pytest.raises(RefusedError, match="another backup of this name is being written"):
        back_up(place, tmp_path / "b.tar")
    assert theirs.read_bytes() == b"half"


def test_what_changes_between_its_check_and_its_packing_ends_a_backup(
    place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_then_pack(*arguments: Any) -> Manifest:
        edit_by_hand(current_path(place.published_path))
        return pack(*arguments)

    monkeypatch.setattr("rossmann_ml.recovery.backup.pack", change_then_pack)
    with pytest.raises(BusyError, match="duckdb changed while the backup read it"):
        back_up(place, tmp_path / "b.tar")
    assert list(tmp_path.glob("*b.tar*")) == []
