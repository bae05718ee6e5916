"""Write files and folders atomically: a killed process leaves the old or the new content.

Entry points: :func:`move_into_place`, :func:`write_text_atomically`,
:func:`copy_folder_atomically`, and :func:`read_small` for files that may be anything by now. New
content becomes visible by one rename within a folder, after its bytes are on disk.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

from rossmann_ml.base.errors import FaultError

# pointers, digests and states of runs are much smaller
_MOST_BYTES = 10_000_000
ASIDE = ".damaged"
"""End of the names of damaged files and folders that were moved aside for a person to examine."""


def sync(path: Path) -> None:
    """Flush a file, or a folder's list of entries, to disk, so that it survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_into_place(temporary: Path, final: Path) -> None:
    """Rename a finished file or folder to its final name in the same folder.

    Its content, for a folder with all files and folders in it, is flushed to disk before the
    rename, and the list of entries of the folder around it after the rename.
    """
    for path in (*(temporary.rglob("*") if temporary.is_dir() else ()), temporary):
        sync(path)
    os.replace(temporary, final)  # noqa: PTH105 - Path.replace hides that it is atomic
    sync(final.parent)


def temporary_name(final: Path) -> Path:
    """Return the hidden path at which the file or folder `final` is written before its rename."""
    return final.with_name(f".{final.name}.tmp")


def write_text_atomically(path: Path, text: str) -> None:
    """Write a small text file atomically: readers see the whole old or the whole new text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the name has the process id because two processes may write the same file at once
    temporary = path.with_name(f".{path.name}.{os.getpid()}.text")
    try:
        temporary.write_text(text, encoding="utf-8")
        move_into_place(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def read_small(path: Path) -> bytes:
    """Return the content of a small file, without waiting for a pipe or filling the memory.

    Raises:
        OSError: The file is missing, or this user may not read it.
        FaultError: It is a folder, pipe or device, or has more than 10 MB.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise FaultError(
                f"{path} cannot be opened: it is no plain file of at most {_MOST_BYTES:,} bytes; "
                "move it away"
            )
        return b"".join(iter(lambda: os.read(handle, _MOST_BYTES), b""))
    finally:
        os.close(handle)


def require_plain(path: Path) -> None:
    """Check that a file, if it exists, is no pipe or folder: a library would wait for a pipe.

    Raises:
        FaultError: Something else is in its place.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 - Path's raise
        raise FaultError(f"{path} cannot be opened: it is no plain file; move it away")


def copy_folder_atomically(source: Path, final: Path) -> None:
    """Copy a folder to `final`, or do nothing if `final` exists.

    The copy is made under a hidden name and then renamed, so that readers never see half a copy.

    Raises:
        OSError: A file cannot be read or written, for example because the disk is full. The hidden
            copy is removed.
    """
    if final.exists():
        return
    temporary = temporary_name(final)
    remove(temporary)
    temporary.mkdir(parents=True)
    try:
        # shutil.copytree would hide the number of the error, so that a full disk had no name
        for path in sorted(source.rglob("*")):
            copy = temporary / path.relative_to(source)
            if path.is_dir():
                copy.mkdir()
            else:
                shutil.copyfile(path, copy)
        move_into_place(temporary, final)
    except BaseException:
        remove(temporary)
        raise


def remove(path: Path) -> None:
    """Remove a file or folder if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def move_aside(path: Path) -> None:
    """Rename a damaged file or folder to ``<name>.damaged``, if it exists.

    A file or folder that was moved aside under this name before is removed.
    """
    if path.exists():
        aside = path.with_name(f"{path.name}{ASIDE}")
        remove(aside)
        path.rename(aside)


def leftover_paths(folder: Path) -> list[Path]:
    """Return the temporary files and folders that killed processes left in a folder.

    A temporary text file is listed only when it is older than a minute. A younger one may belong
    to a process that is still writing it, because text files are written without the writer's lock.
    """
    a_minute_ago = time.time() - 60
    texts = [path for path in folder.glob(".*.text") if path.stat().st_mtime < a_minute_ago]
    return sorted([*folder.glob(".*.tmp"), *folder.glob(".*.tmp.wal"), *texts])


def remove_leftovers(folder: Path) -> None:
    """Remove the files that :func:`leftover_paths` lists; the caller holds the writer's lock."""
    for path in leftover_paths(folder):
        remove(path)
