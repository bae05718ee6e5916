"""Make a backup that is whole: check the state, pack it, and on request restore it for a check.

Entry points: :func:`back_up`, and :func:`unfinished_files` with which ``rossmann doctor`` finds
what a killed backup left. See :mod:`~rossmann_ml.recovery.archive` for the file of a backup.
"""

from __future__ import annotations

import os
import sqlite3
import tarfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import BusyError, DamagedError, RefusedError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_of
from rossmann_ml.ingest.data_set import landed_data_set
from rossmann_ml.models.bundle_files import bundles_in, require_whole
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.archive import (
    DATABASE,
    MODELS,
    PUBLISHED,
    Facts,
    Manifest,
    files_of,
    pack,
    places,
)
from rossmann_ml.recovery.findings import shown
from rossmann_ml.recovery.restore import restore
from rossmann_ml.serving.changes import is_changed
from rossmann_ml.serving.generations import (
    bundle_path,
    current_path,
    generation_files,
    model_versions_of,
    pointed_path,
    reading_even_if_busy,
)
from rossmann_ml.serving.status import status_path
from rossmann_ml.training.registry_files import registry_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.tables.models import champion
from rossmann_ml.warehouse.whole import require_readable, require_usable_keys


def back_up(settings: Settings, target: Path, *, verify: bool = False) -> Manifest:
    """Write a backup while holding the writer's lock, so that its files fit together.

    Args:
        settings: Paths of warehouse and registry.
        target: Archive to create; it appears under this name when it is complete.
        verify: Whether to restore the archive into a temporary folder next to it, and to check
            what was restored, before it appears under its name.

    Returns:
        The manifest of the backup.

    Raises:
        RefusedError: The target exists already, cannot be written, or is being written by another
            backup.
        NoDataError: There is no warehouse yet, or a file that belongs to its state is missing.
        PublishError: The pointer names no generation, or one that was changed.
        DamagedError: A file of the product is damaged.
        ForbiddenError: This user may not read a file or folder.
        FaultError: The disk is full.
        BusyError: Another process writes, or changed a file while the backup read it.
    """
    target = target.absolute()
    _require_new(target)
    warehouse.require_database(settings)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"{target} cannot be written: {error}") from error
    with warehouse.writer_lock(settings):
        remove_unfinished(settings)
        temporary, scratch = _temporaries(target)
        _claim(temporary)
        try:
            _note_path(settings).write_bytes(os.fsencode(target))
            with warehouse.connect(settings) as connection:
                # the write-ahead log is not part of a backup
                connection.execute("CHECKPOINT")
            before = _stamps(settings)
            manifest = pack(settings, temporary, _whole_state(settings), scratch)
            _require_unchanged(before, _stamps(settings))
            files.remove(scratch)
            if verify:
                _verify(settings, temporary, scratch)
            _require_new(target)
            files.move_into_place(temporary, target)
        except (OSError, tarfile.TarError, sqlite3.Error, duckdb.Error) as error:
            raise _fault(settings, target, error) from error
        finally:
            for path in (temporary, scratch, _note_path(settings)):
                files.remove(path)
    return manifest


def _require_new(target: Path) -> None:
    if os.path.lexists(target):
        raise RefusedError(f"{target} is there already; name a file that is not")


def _claim(temporary: Path) -> None:
    """Create the unfinished archive, so that no backup of another warehouse writes it too."""
    try:
        temporary.touch(exist_ok=False)
    except FileExistsError as error:
        raise RefusedError(
            f"{temporary} is there: another backup of this name is being written. If none is, "
            "because it was killed, delete this file; else name another one"
        ) from error
    except OSError as error:
        raise RefusedError(f"{temporary} cannot be written: {error}") from error


def _stamps(settings: Settings) -> dict[Path, tuple[int, int, int]]:
    """Return inode, size and time of change of the files that are checked before they are packed.

    Others may change: ``status.json`` at any time, and MLflow's database is copied as of a moment.
    """
    found = {}
    for part in (DATABASE, MODELS, PUBLISHED):
        for _, path in files_of(part, places(settings)[part]):
            if path != status_path(settings.published_path):
                stat = path.stat()
                found[path] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def _require_unchanged(
    before: Mapping[Path, tuple[int, int, int]], after: Mapping[Path, tuple[int, int, int]]
) -> None:
    changed = [
        str(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    ]
    if changed:
        raise BusyError(
            f"busy: {shown(sorted(changed))} changed while the backup read it. Close it in other "
            "programs, and run it again"
        )


def _fault(settings: Settings, target: Path, error: Exception) -> RossmannError:
    path: Path | None = target
    if isinstance(error, sqlite3.Error):
        path = registry_path(settings)
    elif isinstance(error, duckdb.Error):
        path = settings.database_path
    elif getattr(error, "filename", None):
        path = None  # the error names its file
    return fault_of(error, path) or RefusedError(f"{target} cannot be written: {error}")


def unfinished_files(settings: Settings) -> list[Path]:
    """List the files of a backup that is being written, or was when its process was killed."""
    try:
        target = Path(os.fsdecode(files.read_small(_note_path(settings))))
        there = [path for path in _temporaries(target) if os.path.lexists(path)]
    except (FileNotFoundError, ValueError):  # none, or bytes that name no file
        there = []
    return [path for path in (*there, _note_path(settings)) if os.path.lexists(path)]


def remove_unfinished(settings: Settings) -> None:
    """Remove the files that :func:`unfinished_files` lists; the caller holds the writer's lock."""
    for path in unfinished_files(settings):
        files.remove(path)


def _note_path(settings: Settings) -> Path:
    return settings.warehouse_path / ".backup"


def _temporaries(target: Path) -> tuple[Path, Path]:
    """Return the names, next to a backup, of the unfinished archive and of what it is restored to.

    Raises:
        ValueError: The target is no path of a file.
    """
    if not target.is_absolute():
        raise ValueError(f"{target} is no absolute path")
    temporary = files.temporary_name(target)
    return temporary, temporary.with_name(f".{target.name}.restored.tmp")


def _whole_state(settings: Settings) -> Facts:
    """Read the state of the product whole, because a backup of damaged files is none.

    Raises:
        RossmannError: As for :func:`back_up`.
    """
    published = settings.published_path
    with warehouse.connect(settings, read_only=True) as connection:
        data_set, serving = landed_data_set(connection), champion(connection)
        require_readable(connection, settings.database_path)
    current = None if pointed_path(published) is None else current_path(published)
    for path in generation_files(published):
        with reading_even_if_busy(path) as generation:
            require_readable(generation, path)
            needed = model_versions_of(generation) if path == current else []
        for version in needed:
            require_whole(bundle_path(settings, version), version)
    for path in vintages_path(settings).glob("*.parquet"):
        if is_changed(path):
            raise DamagedError(f"{path} is damaged; `rossmann doctor --fix` moves it aside")
    bundles = {
        path
        for folder in (settings.models_path, published / "models")
        for path in bundles_in(folder)
    }
    if serving is not None:
        bundles.add(settings.models_path / serving)
    for path in sorted(bundles):
        require_whole(path, path.name)
    return Facts(
        data_set=None if data_set is None else data_set.name,
        champion=serving,
        generation_id=None if current is None else current.stem,
    )


def _verify(settings: Settings, archive: Path, folder: Path) -> None:
    """Restore an archive into an empty folder, and read whole what was restored.

    Raises:
        RossmannError: The archive cannot be restored, or something in it is damaged.
    """
    # an address of MLflow's database outside the state folder would be restored in place
    is_local = registry_path(settings) is not None
    place = settings.model_copy(
        update={
            "warehouse_dir": folder / "warehouse",
            "state_dir": folder / "state",
            "mlflow_tracking_uri": "" if is_local else settings.mlflow_tracking_uri,
        }
    )
    restore(place, archive)
    _whole_state(place)
    with warehouse.connect(place) as connection:
        require_usable_keys(connection, place.database_path)
