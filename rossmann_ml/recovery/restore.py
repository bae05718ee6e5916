"""Restore a backup: unpack and check it next to the existing files, then replace these by renames.

Entry points: :func:`restore`, :func:`undo_interrupted`. While files are exchanged, the file
``warehouse/.restoring/exchanging``, which lists them, makes every command refuse to open the
warehouse. After a crash, ``rossmann doctor --fix`` puts the former files back.
See :mod:`~rossmann_ml.recovery.archive` for the contents of a backup.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import ChangedError, DamagedError, RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import busy_error, holders
from rossmann_ml.base.strict import StrictModel
from rossmann_ml.recovery.archive import (
    ARTIFACTS,
    DATABASE,
    MODELS,
    PUBLISHED,
    REGISTRY,
    Manifest,
    places,
)
from rossmann_ml.recovery.unpacking import unpack
from rossmann_ml.serving.generations import current_path, read_info, reading
from rossmann_ml.training.registry_files import artifacts_path, move_paths
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.schema import refuse_later_version
from rossmann_ml.warehouse.tables import raw

# A log next to a database (DuckDB's, SQLite's) is exchanged together with its database: a database
# is moved away before its logs and put back after them, so it is never without its own.
_LOGS = (".wal", "-wal", "-shm", "-journal")


class _Exchange(StrictModel):
    """Content of the mark: what is exchanged, by absolute paths, whatever the settings are later.

    Attributes:
        parts: For each part, its unpacked path and its final path.
        folders: Work folders of the restore.
    """

    parts: tuple[tuple[Path, Path], ...]
    folders: tuple[Path, ...]


def restore(settings: Settings, archive_path: Path, *, replace: bool = False) -> Manifest:
    """Replace warehouse, models, generations and local MLflow registry by those of a backup.

    Existing files are kept until all restored files are in place, and put back if anything fails.

    Args:
        settings: Paths of warehouse and registry.
        archive_path: The backup.
        replace: Whether existing files may be replaced.

    Returns:
        The manifest of the backup.

    Raises:
        RefusedError: The backup is incomplete or from a later version of the product, the disk has
            too little room, or files exist and ``replace`` is false. Nothing was changed.
        FaultError: An earlier restore was interrupted while it exchanged files.
        BusyError: Another process writes, or has the warehouse or MLflow's database open.
    """
    if not archive_path.is_file():
        raise RefusedError(f"{archive_path}: there is no such file")
    with warehouse.writer_lock(settings):
        warehouse.refuse_half_restored(settings)
        there = [place for place in places(settings).values() if place.exists()]
        if there and not replace:
            raise RefusedError(
                f"there is something already: {', '.join(map(str, there))}. Name empty folders "
                "with ROSSMANN_WAREHOUSE_DIR and ROSSMANN_STATE_DIR, or say --replace"
            )
        _require_closed(settings)
        _remove(restore_folders(settings))
        try:
            manifest = unpack(archive_path, lambda part: _staging(settings, part))
            _prepare(settings, manifest)
            _require_closed(settings)  # unpacking may take minutes
            _exchange(settings)
        except (OSError, sqlite3.Error) as error:
            raise RefusedError(f"{archive_path} cannot be restored: {error}") from error
        finally:
            if not _mark(settings).exists():
                _remove(restore_folders(settings))
    return manifest


def restore_folders(settings: Settings) -> tuple[Path, Path]:
    """Return the two work folders of a restore, in the warehouse folder and in the state folder.

    A restore unpacks files there, and keeps the former files there until all are replaced. Each
    work folder is on the same disk as the files to replace, because a rename works only within a
    disk.
    """
    return settings.restore_path, settings.state_path / settings.restore_path.name


def undo_interrupted(settings: Settings) -> None:
    """Put back the files from before a restore that was interrupted while it exchanged files.

    The caller must hold the writer's lock.

    Raises:
        OSError: A file cannot be moved; the next call goes on.
        DamagedError: The list of exchanged files cannot be read.
    """
    exchange = _read_mark(settings)
    for staged, place in exchange.parts:
        if not staged.exists():  # it was moved to its place, where logs of its own may be now
            for log in (Path(f"{place}{suffix}") for suffix in _LOGS):
                log.unlink(missing_ok=True)
            place.rename(staged)
        for suffix in (*_LOGS, ""):
            former = _former(staged, suffix)
            if os.path.lexists(former):
                former.rename(Path(f"{place}{suffix}"))
    for folder in {place.parent for _, place in exchange.parts}:
        files.sync(folder)
    _mark(settings).unlink()
    _remove(exchange.folders)


def _read_mark(settings: Settings) -> _Exchange:
    content = files.read_small(_mark(settings))
    if not content:  # an earlier version wrote no list
        return _exchange_of(settings)
    try:
        return _Exchange.model_validate_json(content)
    except ValueError as error:
        raise DamagedError(
            f"{_mark(settings)} cannot be read; the files from before the restore are in "
            f"{' and '.join(map(str, restore_folders(settings)))}"
        ) from error


def _require_closed(settings: Settings) -> None:
    """Check that no process has a database open that will be replaced, because it would write on.

    Raises:
        BusyError: A process has one open; the message names the process.
    """
    found = places(settings)
    for database in (found[DATABASE], found.get(REGISTRY)):
        if database is not None and holders(database):
            raise busy_error(database)


def _prepare(settings: Settings, manifest: Manifest) -> None:
    """Check that the unpacked warehouse and generation open, and adapt files to this machine.

    MLflow's database gets the path of the artifacts folder on this machine. Folders that were empty
    at the backup are created, because the archive does not contain them.

    Raises:
        RefusedError: The unpacked warehouse or current generation cannot be opened.
        SchemaError: A later version of the product made the backup.
    """
    refuse_later_version(manifest.schema_version)
    staging = _staging(settings, DATABASE)
    try:
        with duckdb.connect(str(staging / DATABASE), read_only=True) as connection:
            raw.landed_files(connection)
        if manifest.generation_id is not None:
            with reading(current_path(staging / PUBLISHED)) as connection:
                read_info(connection)
    except (duckdb.Error, DamagedError, ChangedError) as error:
        raise RefusedError(f"what the backup holds cannot be opened: {error}") from error
    # a folder that was empty is not in the archive
    folders = [MODELS, PUBLISHED]
    if manifest.has_registry:
        folders.append(ARTIFACTS)
        registry = _staging(settings, REGISTRY) / REGISTRY
        move_paths(registry, manifest.artifacts_root, str(artifacts_path(settings)))
    for part in folders:
        (_staging(settings, part) / part).mkdir(exist_ok=True)


def _exchange(settings: Settings) -> None:
    exchange = _exchange_of(settings)
    parts = exchange.parts
    for folder in {staged.parent for staged, _ in parts}:
        for path in folder.rglob("*"):
            files.sync(path)
    files.write_text_atomically(_mark(settings), exchange.model_dump_json())
    try:
        for staged, place in parts:
            place.parent.mkdir(parents=True, exist_ok=True)
            for suffix in ("", *_LOGS):
                old = Path(f"{place}{suffix}")
                if os.path.lexists(old):
                    old.rename(_former(staged, suffix))
            staged.rename(place)
        for folder in {place.parent for _, place in parts}:
            files.sync(folder)
    except BaseException:
        undo_interrupted(settings)
        raise
    _mark(settings).unlink()
    files.sync(settings.restore_path)


def _exchange_of(settings: Settings) -> _Exchange:
    """List what the restore exchanges; a registry that the backup does not hold stays as it is."""
    parts = [
        ((_staging(settings, part) / part).absolute(), place.absolute())
        for part, place in places(settings).items()
    ]
    return _Exchange(
        parts=tuple((staged, place) for staged, place in parts if staged.parent.is_dir()),
        folders=tuple(folder.absolute() for folder in restore_folders(settings)),
    )


def _staging(settings: Settings, part: str) -> Path:
    # renames need one file system, and the state folder may be on another disk
    in_warehouse, in_state = restore_folders(settings)
    return in_state if part.startswith("registry") else in_warehouse


def _former(staged: Path, suffix: str) -> Path:
    return staged.with_name(f"former-{staged.name}{suffix}")


def _mark(settings: Settings) -> Path:
    return settings.restore_path / warehouse.RESTORE_MARK


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        files.remove(folder)
