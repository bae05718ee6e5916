"""A backup holds one moment's state, and is restored whole or not at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from support.small_warehouse import MODEL, add_week, change, small_settings
from typer.testing import CliRunner

from rossmann_ml.base.errors import FaultError, NoDataError, RefusedError, SchemaError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.cli import recovery as commands
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.recovery import back_up, examine, repair, restore
from rossmann_ml.serving.generations import current_path
from rossmann_ml.training import tracking
from rossmann_ml.training.registry_files import artifacts_path, registry_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]


def make_registry(settings: Settings) -> None:
    """MLflow's database as far as it names places, and an artifact."""
    registry, artifacts = registry_path(settings), artifacts_path(settings)
    assert registry is not None
    (artifacts / "run-1").mkdir(parents=True)
    (artifacts / "run-1" / "card.md").write_text("a model")
    with sqlite3.connect(registry) as connection:
        connection.executescript(
            """
            PRAGMA journal_mode = WAL;
            CREATE TABLE experiments (artifact_location TEXT);
            CREATE TABLE runs (run_uuid TEXT, artifact_uri TEXT);
            CREATE TABLE model_versions (source TEXT, storage_location TEXT);
            """
        )
        connection.execute("INSERT INTO experiments VALUES (?)", [str(artifacts)])
        connection.execute("INSERT INTO runs VALUES ('1', ?)", [f"{artifacts}/run-1/artifacts"])
        connection.execute("INSERT INTO model_versions VALUES ('models:/m-1', ?)", [f"{artifacts}"])
    connection.close()


@pytest.fixture
def place(published_generation: Published, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings, _ = published_generation
    # the registry made here is none that MLflow could open
    monkeypatch.setattr(tracking, "alias_version", lambda _: "1")
    make_registry(settings)
    return settings


@pytest.fixture
def archive(place: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "backup.tar"
    back_up(place, path)
    return path


def empty_place(tmp_path: Path) -> Settings:
    return small_settings(tmp_path / "elsewhere")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, without the lock and its note."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("writer.lock")
    }


def rewritten(archive: Path, change_member: Callable[[tarfile.TarInfo, bytes], object]) -> None:
    """Rewrite the archive; the function returns the replacement of each member, or None."""
    changed = archive.with_name("changed.tar")
    with tarfile.open(archive) as old, tarfile.open(changed, "w") as new:
        for info in old:
            stream = old.extractfile(info)
            assert stream is not None
            answer = change_member(info, stream.read())
            if answer is None:
                continue
            new_info, data = answer  # type: ignore[misc]
            new_info.size = len(data)
            new.addfile(new_info, io.BytesIO(data))
    changed.replace(archive)


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


# --- archives that are not whole ---------------------------------------------------------------


def refused(target: Settings, archive: Path, expected: str, error: type = RefusedError) -> None:
    before = contents(target.warehouse_path) if target.warehouse_path.exists() else {}
    with pytest.raises(error, match=expected):
        restore(target, archive, replace=True)
    after = contents(target.warehouse_path)
    assert after == before
    assert not any(path.name == ".restoring" for path in target.warehouse_path.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_an_archive_that_was_cut_off_changes_nothing(
    place: Settings, archive: Path, share: float
) -> None:
    os.truncate(archive, int(archive.stat().st_size * share))
    refused(place, archive, r"cannot be read as a backup|cut off, or is no backup")


def test_a_byte_that_changed_is_found(place: Settings, archive: Path) -> None:
    with tarfile.open(archive) as opened:
        offset = opened.getmember("warehouse/rossmann.duckdb").offset_data + 50_000
    with archive.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte[0] ^ 1]))
    refused(place, archive, "warehouse/rossmann.duckdb is not what the manifest says: found")


def test_a_member_too_few_or_too_many_is_found(place: Settings, archive: Path) -> None:
    rewritten(archive, lambda info, data: None if info.name.endswith("CURRENT") else (info, data))
    refused(place, archive, "CURRENT is not what the manifest says: found nothing")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "warehouse/../../evil", "warehouse/writer.lock", "evil"]
)
def test_a_member_outside_a_backups_places_is_refused(
    place: Settings, archive: Path, tmp_path: Path, name: str
) -> None:
    def rename(info: tarfile.TarInfo, data: bytes) -> object:
        if info.name.endswith("CURRENT"):
            info.name = name
        return info, data

    rewritten(archive, rename)
    refused(place, archive, "is none of a backup's places")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_link_or_a_sparse_file_in_an_archive_is_refused(
    place: Settings, tmp_path: Path, kind: bytes
) -> None:
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("warehouse/published/CURRENT")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused(place, hostile, "is not a plain file")


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (b"{", "manifest.json cannot be read"),
        (b"{}", "manifest.json cannot be read"),
        (b'{"format_version": 1}', "manifest.json cannot be read"),
        (b'{"format_version": 9}', "has the format version 9, expected 1"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(
    place: Settings, archive: Path, manifest: bytes, expected: str
) -> None:
    rewritten(
        archive,
        lambda info, data: (info, manifest if info.name == "manifest.json" else data),
    )
    refused(place, archive, expected)


def test_a_backup_of_a_later_version_or_of_a_damaged_database_is_refused(
    place: Settings, tmp_path: Path
) -> None:
    change(
        place,
        "INSERT INTO meta.schema_versions VALUES (99, '', TIMESTAMP '2030-01-01')",
        marts_follow=False,
    )
    target = empty_place(tmp_path)
    target.warehouse_path.mkdir(parents=True)
    with pytest.raises(SchemaError):
        back_up(place, tmp_path / "later.tar")
    with warehouse.open_as_it_is(place, read_only=False) as connection:
        connection.execute("DELETE FROM meta.schema_versions WHERE version = 99")
    good = tmp_path / "good.tar"
    back_up(place, good)

    def damage(info: tarfile.TarInfo, data: bytes) -> object:
        if info.name == "warehouse/rossmann.duckdb":
            data = b"rubbish" * 100
        if info.name == "manifest.json":
            told = json.loads(data)
            (member,) = (each for each in told["members"] if each["path"].endswith("mann.duckdb"))
            import hashlib

            member["bytes"] = 700
            member["sha256"] = hashlib.sha256(b"rubbish" * 100).hexdigest()
            data = json.dumps(told).encode()
        return info, data

    rewritten(good, damage)
    refused(target, good, "cannot be opened")


def test_a_file_that_is_not_there_or_too_large_is_refused(
    place: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RefusedError, match="no such file"):
        restore(place, archive.with_name("none.tar"))
    monkeypatch.setattr(restoring_module(), "free_bytes", lambda _: 10)
    refused(place, archive, "has 10 left")


def restoring_module():
    import sys

    return sys.modules["rossmann_ml.recovery.restore"]


# --- deaths in the middle ----------------------------------------------------------------------


class Died(BaseException):
    """Simulates SIGKILL: no clean-up runs after it."""


@pytest.fixture
def changed(place: Settings, archive: Path, project_params: Params) -> dict[str, bytes]:
    """What is there when a restore begins: other than what was backed up."""
    add_week(place)
    publish(Session(place, project_params), run_id="weekly-2")
    return contents(place.warehouse_path)


def dies(place: Settings, archive: Path, renames: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Restore until a number of renames; return whether the restore died there."""
    rename, left = Path.rename, [renames]

    def rename_until_death(path: Path, target: Path) -> Path:
        left[0] -= 1
        if not left[0]:
            raise Died
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename_until_death)
        patch.setattr(restoring_module(), "undo_interrupted", lambda _: None)
        try:
            restore(place, archive, replace=True)
        except Died:
            return True
    return False


# the weekly tests try every moment
RENAMES = range(1, 12) if os.environ.get("ROSSMANN_KILL_TESTS") else (2, 5, 8)


@pytest.mark.parametrize("renames", RENAMES)
def test_a_restore_that_dies_between_two_renames_is_undone_by_the_doctor(
    place: Settings,
    archive: Path,
    changed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    renames: int,
) -> None:
    if not dies(place, archive, renames, monkeypatch):
        assert renames > 8
        return
    with (
        pytest.raises(FaultError, match="rossmann doctor --fix"),
        warehouse.connect(place, read_only=True),
    ):
        pass
    assert "restore" in [each.subject for each in examine(place)]
    assert any("puts them back" in line for line in repair(place))
    assert contents(place.warehouse_path) == changed


def test_a_restore_that_dies_in_an_empty_place_leaves_nothing(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = empty_place(tmp_path)
    assert dies(target, archive, 4, monkeypatch)
    assert target.database_path.exists()
    assert any("puts them back" in line for line in repair(target))
    assert contents(target.warehouse_path) == {}
    restore(target, archive)
    assert target.database_path.exists()


def test_a_restore_that_fails_puts_back_what_was_there(
    place: Settings, archive: Path, changed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail_once(path: Path, target: Path) -> Path:
        if path.name == "published" and ".restoring" in str(path):
            monkeypatch.setattr(Path, "rename", rename)
            raise OSError("input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    refused(place, archive, "cannot be restored: input/output error")
    assert contents(place.warehouse_path) == changed


# --- the commands ------------------------------------------------------------------------------


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
