"""A restore that dies or fails in the middle puts back what was there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.backups import (
    contents,
    empty_place,
    refused,
    restoring_module,
)
from support.small_warehouse import add_week

from rossmann_ml.base.errors import BusyError, FaultError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import publish
from rossmann_ml.recovery import examine, repair, restore
from rossmann_ml.training.registry_files import registry_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session


@pytest.fixture
def place(place_with_registry: Settings) -> Settings:
    return place_with_registry


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


def test_an_interrupted_restore_is_undone_by_what_it_wrote_down(
    place: Settings,
    archive: Path,
    changed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, before = registry_path(place), contents(place.state_path)
    assert registry is not None
    assert dies(place, archive, 11, monkeypatch)
    log = registry.with_name(f"{registry.name}-wal")
    log.write_bytes(b"of the restored database")
    repair(place.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:1"}))
    assert contents(place.warehouse_path) == changed
    assert contents(place.state_path) == before


def test_nothing_is_replaced_that_a_process_has_open(place: Settings, archive: Path) -> None:
    registry = registry_path(place)
    assert registry is not None
    with registry.open() as stream, subprocess.Popen(["sleep", "60"], stdin=stream) as program:
        refused(place, archive, f"mlflow.db is open in process {program.pid}", BusyError)
        program.kill()
    restore(place, archive, replace=True)
