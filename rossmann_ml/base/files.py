"""Writing to disk so that a killed process leaves the old or the new, never a half.

Everything becomes visible by one rename inside a folder, after its bytes are on the disk. What is
written is no concern of this module.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_into_place(temporary: Path, final: Path) -> None:
    """Give a finished file its name, durably; both names must be in one folder."""
    sync(temporary)
    os.replace(temporary, final)  # noqa: PTH105 - Path.replace hides that it is atomic
    sync(final.parent)


def temporary_name(final: Path) -> Path:
    """The hidden name under which something is made that will be called ``final``."""
    return final.with_name(f".{final.name}.tmp")


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small file by a new text at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the process is in the name: a failing run may write its status beside a publishing one
    temporary = path.with_name(f".{path.name}.{os.getpid()}.text")
    temporary.write_text(text, encoding="utf-8")
    move_into_place(temporary, path)


def copy_folder_atomically(source: Path, final: Path) -> None:
    """Copy a folder whole; when ``final`` is there already, nothing is done."""
    if final.exists():
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(final)
    remove(temporary)
    shutil.copytree(source, temporary)
    for path in temporary.rglob("*"):
        sync(path)
    move_into_place(temporary, final)


def remove(path: Path) -> None:
    """Remove a file or a folder; one that is not there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def leftover_paths(folder: Path) -> list[Path]:
    """What killed writers left in a folder.

    Small texts are written without the writer's lock, so theirs must have lain a minute.
    """
    a_minute_ago = time.time() - 60
    texts = [path for path in folder.glob(".*.text") if path.stat().st_mtime < a_minute_ago]
    return sorted([*folder.glob(".*.tmp"), *folder.glob(".*.tmp.wal"), *texts])


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove what killed writers left in a folder, and say what it was.

    Only the holder of the writer's lock may call this.
    """
    leftovers = leftover_paths(folder)
    for path in leftovers:
        remove(path)
    return leftovers
