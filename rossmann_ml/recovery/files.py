"""Examine locks and the files that killed writers left on the disk, by their names alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rossmann_ml.base.files import leftover_paths, remove
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.findings import Finding, error, note, warning
from rossmann_ml.recovery.restore import restore_folders, undo_interrupted
from rossmann_ml.warehouse import connection as warehouse

_LONG_HELD = timedelta(days=1)
_MOST_LISTED = 4


def examine_lock(settings: Settings) -> Iterator[Finding]:
    """Report the process that holds the writer's lock, or one that died while holding it."""
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
            partial(remove, owner),
        )


def examine_leftovers(settings: Settings) -> Iterator[Finding]:
    """Report an interrupted restore, and files that still have their temporary name."""
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
    left = [path for folder in folders for path in leftover_paths(folder)]
    left += [path for path in restore_folders(settings) if path.exists()]
    if left:
        yield warning(
            "half-written files",
            f"{len(left)} left by writers that died: {_listed(left)}",
            "rossmann doctor --fix removes them; no program reads them",
            partial(_remove, left),
        )


def _remove(paths: list[Path]) -> None:
    for path in paths:
        remove(path)


def _owner(note: str) -> tuple[str, timedelta]:
    """Return the process that a lock's note describes, and how long it has held the lock."""
    try:
        owner = json.loads(note)
        process = f"process {owner['pid']}{_command(owner['pid'])}, since {owner['since']}"
        return process, datetime.now(UTC) - datetime.fromisoformat(owner["since"])
    except (ValueError, KeyError, TypeError):
        return note.strip() or "its process was not written down", timedelta(0)


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return f" ({b' '.join(words[:6]).decode(errors='replace').strip()})"


def _listed(paths: list[Path]) -> str:
    more = len(paths) - _MOST_LISTED
    shown = ", ".join(str(path) for path in paths[:_MOST_LISTED])
    return shown + (f" and {more} more" if more > 0 else "")
