"""Examine parameters, folders, free disk space, MLflow, locks and leftover files.

Each function ``examine_...`` yields findings about one or two of these subjects;
:mod:`~rossmann_ml.recovery.doctor` calls the functions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import RossmannError, SettingsError, TrackingError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.archive import existing_folder, free_bytes
from rossmann_ml.recovery.findings import Finding, error, note, shown, warning
from rossmann_ml.recovery.restore import restore_folders, undo_interrupted
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.training.registry_files import (
    adopt_artifacts,
    former_artifacts_path,
    registry_path,
)
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import champion_record

# A refresh writes a generation, dbt keeps old tables until new ones are built, and Dagster keeps
# events.
_ALWAYS_NEEDED_BYTES = 500_000_000
_LONG_HELD = timedelta(days=1)


def examine_parameters(settings: Settings) -> Iterator[Finding]:
    """Report ``settings.params_path`` if it is missing, is not YAML or has invalid parameters."""
    try:
        load_params(settings.params_path)
    except SettingsError as refusal:
        yield error("parameters", str(refusal), f"repair {settings.params_path}")


def examine_folders(settings: Settings) -> Iterator[Finding]:
    """Report folders without write permission, and disks with too little room for a refresh.

    A refresh may need as much room as the pipeline's database takes, plus
    ``_ALWAYS_NEEDED_BYTES``.
    """
    for folder in (settings.warehouse_path, settings.published_path, settings.state_path):
        if not is_writable(folder):
            yield error(
                "folder",
                f"{folder} cannot be written to by this user",
                "grant this user write permission, or name another folder",
            )
    database = settings.database_path
    size = database.stat().st_size if database.exists() else 0
    needed = _ALWAYS_NEEDED_BYTES + size
    for folder in (settings.warehouse_path, settings.state_path):
        free = free_bytes(folder)
        if free < needed:
            grade = error if free < needed / 2 else warning
            yield grade(
                "disk space",
                f"{free / 1e9:,.1f} GB are left for {folder}; a refresh may need "
                f"{needed / 1e9:,.1f} GB",
                "make room; `publish.generations_kept` in params.yaml limits what is kept",
            )


def is_writable(folder: Path) -> bool:
    """Return whether this user can create files in a folder.

    If the folder does not exist, its nearest existing parent is checked; nothing is created.
    """
    return os.access(existing_folder(folder), os.W_OK | os.X_OK)


def examine_registry(settings: Settings) -> Iterator[Finding]:
    """Report faults of MLflow: no response, no database, or the wrong model as ``champion``.

    The alias ``champion`` in MLflow must be on the champion recorded in the warehouse. If the alias
    is on another model, the repair moves it.
    """
    expected = _champion_in_registry(settings)
    local = registry_path(settings)
    if local is not None and not local.exists():
        if expected is not None:
            yield warning(
                "MLflow",
                f"{local} is not there, though the champion was registered in it",
                "`rossmann restore FILE` brings it back; forecasts do not depend on it",
            )
        return
    former = former_artifacts_path(settings, tracking.EXPERIMENT)
    if former is not None:
        yield warning(
            "MLflow",
            f"{local} names files in {former}: this folder was moved or copied",
            f"rossmann doctor --fix makes it name {settings.state_path}; a training does too",
            partial(adopt_artifacts, settings, tracking.EXPERIMENT),
        )
        return
    try:
        found = tracking.alias_version(settings)
    except TrackingError as refusal:
        yield warning(
            "MLflow",
            f"it cannot be used: {str(refusal)[:300]}",
            "start the server or correct MLFLOW_TRACKING_URI; a refresh without training works "
            "without it",
        )
        return
    if expected is not None and found != expected:
        yield warning(
            "alias",
            f"MLflow's alias champion is on version {found or 'none'}, the warehouse's champion "
            f"is version {expected}",
            "rossmann doctor --fix sets it",
            partial(_set_alias, settings, expected),
        )


def _set_alias(settings: Settings, version: str) -> None:
    # reconciling also records that the alias was set
    if not promotion.reconcile_alias(Session(settings)):
        tracking.set_champion(settings, version)


def _champion_in_registry(settings: Settings) -> str | None:
    """Return the version number that MLflow's registry gave the champion.

    The number is read from the warehouse, to compare it with MLflow's alias ``champion``. It is
    None if the warehouse cannot be read or has no champion, or the champion is not registered.
    """
    with (
        suppress(RossmannError, duckdb.Error),  # `examine_warehouse` reports it
        warehouse.open_as_it_is(settings) as connection,
    ):
        serving = champion_record(connection)
        return None if serving is None else serving.registry_version or None
    return None


def examine_lock(settings: Settings) -> Iterator[Finding]:
    """Report a process that holds the writer's lock, or a process that died while holding it."""
    holder = warehouse.lock_owner(settings)
    owner = warehouse.owner_path(settings)
    if holder is not None:
        process, held_for = _owner(holder)
        found = warning if held_for > _LONG_HELD else note
        yield found(
            "lock",
            f"a writer is at work: {process}",
            "wait for it; if it hangs, stop that process: its lock goes with it",
        )
    elif owner.exists():
        process, _ = _owner(owner.read_text("utf-8"))
        yield warning(
            "lock",
            f"a writer ended without tidying up: {process}; the lock itself went with it",
            "rossmann doctor --fix removes the note; `rossmann refresh` does too",
            partial(files.remove, owner),
        )


def examine_leftovers(settings: Settings) -> Iterator[Finding]:
    """Report an interrupted restore of a backup, or temporary files that killed processes left.

    Temporary files are reported only if no restore was interrupted, because the work folders of an
    interrupted restore hold files that are needed to undo it.
    """
    if (settings.restore_path / warehouse.RESTORE_MARK).exists():
        yield error(
            "restore",
            "a restore was interrupted while it exchanged files; the files from before are in "
            f"{settings.restore_path}",
            "rossmann doctor --fix puts them back; then restore again",
            partial(undo_interrupted, settings),
        )
        return
    folders = (
        settings.models_path,
        settings.published_path,
        settings.published_path / "models",
        vintages_path(settings),
    )
    left = [path for folder in folders for path in files.leftover_paths(folder)]
    left += [path for path in restore_folders(settings) if path.exists()]
    if left:
        yield warning(
            "half-written files",
            f"{len(left)} left by writers that died: {shown([*map(str, left)])}",
            "rossmann doctor --fix removes them; no program reads them",
            lambda: [*map(files.remove, left)],
        )


def _owner(text: str) -> tuple[str, timedelta]:
    """Describe the process that holds or held the lock, and compute how long ago it took the lock.

    Args:
        text: JSON that the process wrote next to the lock, with ``pid`` and ``since``.

    Returns:
        Text for a message, with the process id, command and start time, and the time since the
        lock was taken. If ``text`` is not such JSON, the message is ``text`` itself (or, if it is
        empty, that the process is unknown), and the time is zero.
    """
    try:
        owner = json.loads(text)
        process = f"process {owner['pid']}{_command(owner['pid'])}, since {owner['since']}"
        return process, datetime.now(UTC) - datetime.fromisoformat(owner["since"])
    except (ValueError, KeyError, TypeError):
        return text.strip() or "its process was not written down", timedelta(0)


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return f" ({b' '.join(words[:6]).decode(errors='replace').strip()})"
