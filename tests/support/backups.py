"""Make, change and refuse backups."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import restore
from rossmann_ml.training.registry_files import artifacts_path, registry_path
from support.small_warehouse import small_settings


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


def refused(target: Settings, archive: Path, expected: str, error: type = RefusedError) -> None:
    before = contents(target.warehouse_path) if target.warehouse_path.exists() else {}
    with pytest.raises(error, match=expected):
        restore(target, archive, replace=True)
    after = contents(target.warehouse_path)
    assert after == before
    assert not any(path.name == ".restoring" for path in target.warehouse_path.iterdir())


def restoring_module():
    import sys

    return sys.modules["rossmann_ml.recovery.restore"]
