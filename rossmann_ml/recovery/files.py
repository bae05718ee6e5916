"""Locks and who holds them, and what writers that died left on the disk.

Only names are looked at here; whether a file holds what it should is for the other examiners.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rossmann_ml.base.files import leftover_paths, remove
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.recovery.restore import undo_interrupted
from rossmann_ml.warehouse import connection as warehouse

_A_DAY = 24 * 60 * 60


def examine_lock(settings: Settings) -> Iterator[Finding]:
    """Say who writes now, and whether a writer died."""
    holder = warehouse.lock_owner(settings)
    owner = warehouse.owner_path(settings)
    if holder is not None:
        yield Finding(
            Severity.WARNING if _seconds_held(holder) > _A_DAY else Severity.NOTE,
            "lock",
            f"a writer is at work: {_described(holder)}",
            "wait for it; if it hangs, stop that process: its lock goes with it",
        )
    elif owner.exists():
        yield Finding(
            Severity.WARNING,
            "lock",
            f"a writer ended without tidying up: {_described(owner.read_text('utf-8'))}; the lock "
            "itself went with it",
            "rossmann doctor --fix removes the note; `rossmann refresh` does too",
            lambda: _removed([owner]),
        )


def examine_leftovers(settings: Settings) -> Iterator[Finding]:
    """Look for files that were begun under a hidden name and never given their own."""
    if (settings.restore_path / warehouse.RESTORE_MARK).exists():
        yield Finding(
            Severity.ERROR,
            "restore",
            f"a restore was interrupted while it exchanged files; what was there before lies in "
            f"{settings.restore_path}",
            "rossmann doctor --fix puts it back; then restore again",
            lambda: undo_interrupted(settings),
        )
        return  # the rest is looked at once the files are back
    left = [path for folder in leftover_folders(settings) for path in leftover_paths(folder)]
    # what an interrupted restore had unpacked before it touched anything
    left += [path for path in restore_folders(settings) if path.exists()]
    if left:
        yield Finding(
            Severity.WARNING,
            "half-written files",
            f"{len(left)} left by writers that died: {_listed(left)}",
            "rossmann doctor --fix removes them; they are read by nobody",
            lambda: _removed(left),
        )


def leftover_folders(settings: Settings) -> list[Path]:
    """The folders in which things are made under a hidden name first."""
    return [
        settings.models_path,
        settings.published_path,
        settings.published_path / "models",
        vintages_path(settings),
    ]


def restore_folders(settings: Settings) -> list[Path]:
    """Where a restore keeps what it exchanges: beside the warehouse and beside MLflow's files."""
    return [settings.restore_path, settings.state_path / settings.restore_path.name]


def _described(owner: str) -> str:
    try:
        told = json.loads(owner)
        pid, since = int(told["pid"]), str(told["since"])
    except (ValueError, KeyError, TypeError):
        return owner.strip() or "who it is was not written down"
    return f"process {pid}{_command(pid)}, since {since}"


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return f" ({b' '.join(words[:6]).decode(errors='replace').strip()})"


def _seconds_held(owner: str) -> float:
    try:
        since = datetime.fromisoformat(json.loads(owner)["since"])
        return (datetime.now(UTC) - since).total_seconds()
    except (ValueError, KeyError, TypeError):
        return 0.0


def _removed(paths: list[Path]) -> str:
    for path in paths:
        remove(path)
    return f"removed {_listed(paths)}"


def _listed(paths: list[Path], most: int = 4) -> str:
    shown = ", ".join(str(path) for path in paths[:most])
    return shown + (f" and {len(paths) - most} more" if len(paths) > most else "")


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or in the one it would be made in."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return os.access(there, os.W_OK | os.X_OK)
