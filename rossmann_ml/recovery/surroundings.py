"""Examine parameters, folders, free disk space, locks and leftover files.

Each function ``examine_...`` yields findings about one or two of these subjects;
:mod:`~rossmann_ml.recovery.doctor` calls the functions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.archive import existing_folder, free_bytes
from rossmann_ml.recovery.backup import unfinished_files
from rossmann_ml.recovery.findings import Finding, error, note, shown, warning
from rossmann_ml.recovery.restore import restore_folders, undo_interrupted
from rossmann_ml.warehouse import connection as warehouse

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
        process, _ = _owner(files.read_small(owner).decode(errors="replace"))
        yield warning(
            "lock",
            f"a writer ended without tidying up: {process}; the lock itself went with it",
            "rossmann doctor --fix removes the note; `rossmann refresh` does too",
            lambda: None,  # the lock under which repairs run replaces the note, and removes it
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
    if _is_locked_by_another(settings):  # its unfinished files are no leftovers
        return
    folders = (
        settings.models_path,
        settings.published_path,
        settings.published_path / "models",
        vintages_path(settings),
    )
    left = [path for folder in folders for path in files.leftover_paths(folder)]
    left += [path for path in restore_folders(settings) if path.exists()]
    left += unfinished_files(settings)
    if left:
        yield warning(
            "half-written files",
            f"{len(left)} left by writers that died: {shown([*map(str, left)])}",
            "rossmann doctor --fix removes them; no program reads them",
            lambda: [*map(files.remove, left)],
        )


def _is_locked_by_another(settings: Settings) -> bool:
    holder = warehouse.lock_owner(settings)
    return holder is not None and f'"pid": {os.getpid()},' not in holder


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
    except (ValueError, KeyError, TypeError, RecursionError):
        return text.strip() or "its process was not written down", timedelta(0)


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return f" ({b' '.join(words[:6]).decode(errors='replace').strip()})"
