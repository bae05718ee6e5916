"""Restore a backup: unpack and check it next to the existing files, then replace these by renames.

Entry points: :func:`restore`, :func:`undo_interrupted`. While files are exchanged, the empty file
``warehouse/.restoring/exchanging`` makes every command refuse to open the warehouse. After a crash,
``rossmann doctor --fix`` puts the former files back. See :mod:`~rossmann_ml.recovery.archive` for
the contents of a backup.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import ChangedError, DamagedError, RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery.archive import (
    ARTIFACTS,
    DATABASE,
    MODELS,
    PUBLISHED,
    REGISTRY,
    Manifest,
    free_bytes,
    places,
    unpack,
)
from rossmann_ml.serving.generations import current_path, read_info, reading
from rossmann_ml.training.registry_files import artifacts_path, move_paths
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.schema import refuse_later_version
from rossmann_ml.warehouse.tables import raw

# A log next to a database (DuckDB's, SQLite's) is exchanged together with its database.
_SUFFIXES = ("", ".wal", "-wal", "-shm")


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
        BusyError: Another process writes.
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
        needed, free = archive_path.stat().st_size, free_bytes(settings.warehouse_path)
        if needed > free:
            raise RefusedError(
                f"the backup takes {needed:,} bytes, {settings.warehouse_path} has {free:,} left"
            )
        _remove_folders(settings)
        try:
            manifest = unpack(archive_path, lambda part: _staging(settings, part))
            _prepare(settings, manifest)
            _exchange(settings)
        except OSError as error:
            raise RefusedError(f"{archive_path} cannot be restored: {error}") from error
        finally:
            if not _mark(settings).exists():
                _remove_folders(settings)
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
    """
    for staged, place in _staged_parts(settings):
        if not staged.exists():  # it was moved to its place
            place.rename(staged)
        for suffix in _SUFFIXES:
            former = _former(staged, suffix)
            if former.exists():
                former.rename(Path(f"{place}{suffix}"))
    _mark(settings).unlink()
    _remove_folders(settings)


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
    parts = list(_staged_parts(settings))
    for folder in {staged.parent for staged, _ in parts}:
        for path in folder.rglob("*"):
            files.sync(path)
    files.write_text_atomically(_mark(settings), "")
    try:
        for staged, place in parts:
            place.parent.mkdir(parents=True, exist_ok=True)
            for suffix in _SUFFIXES:
                old = Path(f"{place}{suffix}")
                if old.exists():
                    old.rename(_former(staged, suffix))
            staged.rename(place)
        for folder in {place.parent for _, place in parts}:
            files.sync(folder)
    except BaseException:
        undo_interrupted(settings)
        raise
    _mark(settings).unlink()
    files.sync(settings.restore_path)


def _staged_parts(settings: Settings) -> list[tuple[Path, Path]]:
    """List the parts that the restore exchanges, each as its unpacked path and its final path."""
    parts = [(_staging(settings, part) / part, place) for part, place in places(settings).items()]
    # a registry that the backup does not hold stays as it is
    return [(staged, place) for staged, place in parts if staged.parent.is_dir()]


def _staging(settings: Settings, part: str) -> Path:
    # renames need one file system, and the state folder may be on another disk
    in_warehouse, in_state = restore_folders(settings)
    return in_state if part.startswith("registry") else in_warehouse


def _former(staged: Path, suffix: str) -> Path:
    return staged.with_name(f"former-{staged.name}{suffix}")


def _mark(settings: Settings) -> Path:
    return settings.restore_path / warehouse.RESTORE_MARK


def _remove_folders(settings: Settings) -> None:
    for folder in restore_folders(settings):
        files.remove(folder)
