"""Bringing a backup back: checked whole beside the target first, then exchanged by renames.

While files are exchanged a mark lies in ``warehouse/.restoring``; whoever finds it there after a
crash puts back what was before (:func:`undo_interrupted`), and nobody opens the warehouse until
then. What a backup holds is :mod:`~rossmann_ml.recovery.archive`'s matter.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery.archive import (
    WAREHOUSE_ITEMS,
    Manifest,
    artifacts_path,
    free_bytes,
    registry_path,
    unpack,
)
from rossmann_ml.serving.generations import current_path, read_info, reading
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.schema import refuse_later_version
from rossmann_ml.warehouse.tables import raw

# The columns in which MLflow's database names files by their absolute place.
_PLACES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
}


@dataclass(frozen=True)
class _Exchange:
    """One file or folder to be exchanged: where it goes, and where its two versions wait."""

    place: Path
    staged: Path
    former: Path
    is_registry: bool = False


def restore(settings: Settings, archive_path: Path, *, replace: bool = False) -> Manifest:
    """Put a backup in the place of what is there.

    The archive is unpacked and checked first; only then files are exchanged. What was there is
    kept until all is in its place, and put back if anything fails.

    Args:
        settings: Where everything goes.
        archive_path: The backup.
        replace: Whether what is there already may go.

    Returns:
        What the backup says of itself.

    Raises:
        RefusedError: It is no whole backup, there is too little room, or there is something in its
            place and ``replace`` was not said. Nothing was changed.
        BusyError: Another process writes.
    """
    if not archive_path.is_file():
        raise RefusedError(f"{archive_path}: there is no such file")
    with warehouse.writer_lock(settings):
        warehouse.refuse_half_restored(settings)
        there = [path for path in _places(settings) if path.exists()]
        if there and not replace:
            raise RefusedError(
                f"there is something already: {', '.join(map(str, there))}. Name empty folders "
                "with ROSSMANN_WAREHOUSE_DIR and ROSSMANN_STATE_DIR, or say --replace"
            )
        needed, free = archive_path.stat().st_size, free_bytes(settings.warehouse_path)
        if needed > free:
            raise RefusedError(
                f"the backup takes {needed:,} bytes, {settings.warehouse_path} has {free:,} left"
            )
        _remove_folders(settings)
        try:
            staging = settings.restore_path / "new"
            staging.mkdir(parents=True)
            manifest = unpack(archive_path, staging)
            _prepare(settings, staging, manifest)
            _exchange(settings, manifest)
        except OSError as error:
            raise RefusedError(f"{archive_path} cannot be restored: {error}") from error
        finally:
            if not _mark(settings).exists():
                _remove_folders(settings)
    return manifest


def undo_interrupted(settings: Settings) -> str:
    """Put back what was there before a restore that died, and say so; the lock is held."""
    mark = _mark(settings)
    had: dict[str, bool] = json.loads(mark.read_text(encoding="utf-8"))
    for each in _exchanges(settings):
        if had.get(str(each.place)) is False:
            files.remove(each.place)
        elif each.former.exists():
            files.remove(each.place)
            each.former.rename(each.place)
    mark.unlink()
    _remove_folders(settings)
    return "put back what was there before the restore"


def _prepare(settings: Settings, staging: Path, manifest: Manifest) -> None:
    """Let the unpacked files fit their new place, and see that they can be read."""
    refuse_later_version(manifest.schema_version)
    database = staging / "warehouse" / "rossmann.duckdb"
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            raw.landed_files(connection)
        if manifest.generation_id is not None:
            with reading(current_path(staging / "warehouse" / "published")) as connection:
                read_info(connection)
    except duckdb.Error as error:
        raise RefusedError(f"what the backup holds cannot be opened: {error}") from error
    if manifest.has_registry:
        registry = staging / "registry" / "mlflow.db"
        _move_places(registry, manifest.artifacts_root, str(artifacts_path(settings)))
        # to where it can be renamed from: the state folder may be another disk
        target = _registry_staging(settings)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(staging / "registry", target)


def _move_places(registry: Path, before: str, after: str) -> None:
    with closing(sqlite3.connect(registry)) as connection, connection:
        for table, columns in _PLACES.items():
            known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for column in known.intersection(columns):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names above
                    f"WHERE substr({column}, 1, ?) = ?",
                    [after, len(before) + 1, len(before), before],
                )


def _exchange(settings: Settings, manifest: Manifest) -> None:
    # a registry that the backup does not hold stays as it is
    exchanges = [
        each for each in _exchanges(settings) if manifest.has_registry or not each.is_registry
    ]
    mark = _mark(settings)
    had = {str(each.place): each.place.exists() for each in exchanges}
    files.write_text_atomically(mark, json.dumps(had))
    try:
        for each in exchanges:
            each.former.parent.mkdir(parents=True, exist_ok=True)
            each.place.parent.mkdir(parents=True, exist_ok=True)
            if each.place.exists():
                each.place.rename(each.former)
            if each.staged.exists():
                each.staged.rename(each.place)
        for folder in {each.place.parent for each in exchanges}:
            files.sync(folder)
    except BaseException:
        undo_interrupted(settings)
        raise
    mark.unlink()
    files.sync(mark.parent)


def _exchanges(settings: Settings) -> list[_Exchange]:
    in_warehouse = settings.restore_path
    exchanges = [
        _Exchange(
            settings.warehouse_path / item,
            in_warehouse / "new" / "warehouse" / item,
            in_warehouse / "former" / item,
        )
        # the log beside the database belongs to the one that goes
        for item in (*WAREHOUSE_ITEMS, "rossmann.duckdb.wal")
    ]
    registry = registry_path(settings)
    if registry is not None:
        staged, former = _registry_staging(settings), _state_folder(settings) / "former"
        logs = [registry.with_name(f"{registry.name}{end}") for end in ("-wal", "-shm")]
        places = {"mlflow.db": registry, "artifacts": artifacts_path(settings)}
        exchanges += [
            _Exchange(place, staged / name, former / name, is_registry=True)
            for name, place in (*places.items(), *((log.name, log) for log in logs))
        ]
    return exchanges


def _places(settings: Settings) -> list[Path]:
    return [each.place for each in _exchanges(settings)]


def _state_folder(settings: Settings) -> Path:
    return settings.state_path / settings.restore_path.name


def _registry_staging(settings: Settings) -> Path:
    return _state_folder(settings) / "registry"


def _mark(settings: Settings) -> Path:
    return settings.restore_path / warehouse.RESTORE_MARK


def _remove_folders(settings: Settings) -> None:
    for folder in (settings.restore_path, _state_folder(settings)):
        files.remove(folder)
