"""Make a backup that is whole: check the state, pack it, and on request restore it for a check.

Entry points: :func:`back_up`, and :func:`unfinished_files` with which ``rossmann doctor`` finds
what a killed backup left. See :mod:`~rossmann_ml.recovery.archive` for the file of a backup.
"""

from __future__ import annotations

import os
import sqlite3
import tarfile
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import DamagedError, RefusedError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_of
from rossmann_ml.ingest.data_set import landed_data_set
from rossmann_ml.models.bundle_files import bundles_in, require_whole
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.archive import Facts, Manifest, pack
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
        RefusedError: The target exists already, or cannot be written.
        NoDataError: There is no warehouse yet, or a file that belongs to its state is missing.
        PublishError: The pointer names no generation, or one that was changed.
        DamagedError: A file of the product is damaged.
        ForbiddenError: This user may not read a file or folder.
        FaultError: The disk is full.
        BusyError: Another process writes.
    """
    target = target.absolute()
    if target.exists():
        raise RefusedError(f"{target} is there already; name a file that is not")
    warehouse.require_database(settings)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"{target} cannot be written: {error}") from error
    with warehouse.writer_lock(settings):
        remove_unfinished(settings)
        _note_path(settings).write_bytes(os.fsencode(target))
        temporary, scratch = _temporaries(target)
        try:
            manifest = pack(settings, temporary, _whole_state(settings))
            if verify:
                _verify(settings, temporary, scratch)
            files.move_into_place(temporary, target)
        except (OSError, tarfile.TarError, sqlite3.Error, duckdb.Error) as error:
            raise _fault(settings, target, error) from error
        finally:
            remove_unfinished(settings)
    return manifest


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
        target = Path(os.fsdecode(_note_path(settings).read_bytes()))
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
    with warehouse.connect(settings) as connection:
        data_set, serving = landed_data_set(connection), champion(connection)
        require_readable(connection, settings.database_path)
        # the write-ahead log is not part of a backup
        connection.execute("CHECKPOINT")
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
