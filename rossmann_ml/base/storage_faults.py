"""Tell apart why a file cannot be used: missing, busy, forbidden, damaged, or its disk is full.

Entry points: :func:`fault_of` for one file, :func:`storage_refused` for a whole command,
:func:`holders` for the processes that have a file open. Errors of the operating system, of DuckDB
and of SQLite are recognised; this module imports neither library, because every command loads it.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rossmann_ml.base.errors import (
    BusyError,
    DamagedError,
    FaultError,
    ForbiddenError,
    NoDataError,
    RossmannError,
)

_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_BUSY = frozenset({errno.EBUSY, errno.ETXTBSY})
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_PATH = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})
_OPEN_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_SYSTEM = _FORBIDDEN | _BUSY | _DISK | _PATH | _OPEN_FILES

_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_FORBIDDEN = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SQLITE_DISK = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})

_DUCKDB_DAMAGED = re.compile(r"not a valid DuckDB database|Corrupt database file|enough bytes")
# These count as damage only where a file is opened, because elsewhere they may be bugs.
_DUCKDB_UNREADABLE = re.compile(r"[Ss]erializ|INTERNAL|Catalog Error")
_HOLDER = re.compile(r"\(PID (\d+)\)")
_RUNS = "the record of runs below the state folder"
_REPAIR = (
    "make room (`rossmann doctor` says how much is left), or give the user who runs this the right "
    "to do so, and run it again"
)
_GRANT = "give the user who runs this the right to do so, and run it again"


def fault_of(error: BaseException, path: Path | None = None) -> RossmannError | None:
    """Return an error for people if a file or its disk is the cause; None for any other cause.

    Args:
        error: Error of the operating system, DuckDB or SQLite, raised by using a file.
        path: File that was used; None if it is unknown, then the error's own file is named, and a
            missing file is no cause, because many of them are bugs.

    Returns:
        ``BusyError``, ``ForbiddenError``, ``DamagedError``, ``NoDataError`` for a missing file, or
        ``FaultError`` for a full disk and other faults of the system.
    """
    if isinstance(error, RossmannError):
        return error
    if isinstance(error, OSError):
        return _of_system(error, path)
    # the lowest eight bits are SQLite's primary result code
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code:
        return _of_sqlite(error, code, path)
    if type(error).__module__.lstrip("_").startswith("duckdb"):
        return _of_duckdb(str(error), path)
    return None


def fault_in(error: BaseException, path: Path | None = None) -> RossmannError | None:
    """Return the first error that :func:`fault_of` finds in an error and the chain of its causes.

    An error for people that was only being handled when the error came is no cause of it.

    Args:
        error: Error, for example of a library that wraps SQLite's.
        path: File that was used; None if it is unknown.
    """
    fault, cause = fault_of(error, path), error
    while fault is None:
        before = cause.__cause__ or cause.__context__
        if before is None or (cause.__cause__ is None and isinstance(before, RossmannError)):
            return None
        fault, cause = fault_of(before, path), before
    return fault


def _of_system(error: OSError, path: Path | None) -> RossmannError | None:
    where = path or error.filename or "a file"
    if path is not None and error.errno == errno.ENOENT:
        return NoDataError(f"{path} does not exist")
    if error.errno not in _SYSTEM:
        return None
    reason = os.strerror(error.errno or 0)
    if error.errno in _BUSY:
        return busy_error(where)
    if error.errno in _FORBIDDEN:
        return ForbiddenError(f"{where} cannot be read or written: {reason}; {_GRANT}")
    if error.errno in _DISK:
        where = path or error.filename2 or where  # of a copy, the file that was written
        return FaultError(f"{where} cannot be read or written: {reason}; {_REPAIR}")
    return FaultError(f"{where} cannot be opened: {reason}")


def _of_sqlite(error: BaseException, code: int, path: Path | None) -> RossmannError | None:
    where = path or _RUNS
    if code in _SQLITE_BUSY:
        return busy_error(where)
    if code in _SQLITE_FORBIDDEN:
        return ForbiddenError(f"{where} cannot be written: {error}; {_GRANT}")
    if code in _SQLITE_DAMAGED:
        return DamagedError(f"{where} is damaged: {error}; `rossmann doctor` says what to do")
    if code in _SQLITE_DISK:
        return FaultError(f"{where} cannot be written: {error}; {_REPAIR}")
    return None


def _of_duckdb(text: str, path: Path | None) -> RossmannError | None:
    where = path or "a DuckDB file (`rossmann doctor` says which)"
    first = text.splitlines()[0] if text else ""
    if "set lock on file" in text:
        return busy_error(where, text)
    if "does not exist" in text and "Cannot open" in text:
        return NoDataError(f"{where} does not exist")
    if "IO Error" in text or "Failed to commit" in text:
        for number in _SYSTEM | {errno.ENOENT}:
            if os.strerror(number) in text:
                return _of_system(OSError(number, "", str(where)), path)
    if _DUCKDB_DAMAGED.search(text) or (path and _DUCKDB_UNREADABLE.search(text)):
        return DamagedError(f"{where} is damaged: {first}")
    # for example a file of a later DuckDB: nothing says that its content is wrong
    return FaultError(f"{where} cannot be opened: {first}") if path else None


def busy_error(where: Path | str, text: str = "") -> BusyError:
    """Return the error for a file that another process has open, with that process.

    Args:
        where: File, or words for it if its path is unknown.
        text: Message of the library, which may have the process id as ``(PID 123)``.
    """
    named = _HOLDER.search(text)
    pids = [int(named[1])] if named else holders(where) if isinstance(where, Path) else []
    found = ", ".join(map(describe_process, pids)) or "another process"
    return BusyError(
        f"busy: {where} is open in {found}. Wait for it, or close the file there (SQL tools open "
        "files for writing unless they are told read-only)"
    )


def holders(path: Path) -> list[int]:
    """Return the ids of the processes that have a file open, as far as this user may see them.

    The list is empty on systems without ``/proc``. This process is not listed.
    """
    found, wanted = [], str(path.resolve())
    for folder in Path("/proc").glob("[0-9]*/fd"):
        pid = int(folder.parent.name)
        if pid != os.getpid() and wanted in _open_files(folder):
            found.append(pid)
    return sorted(found)


def _open_files(folder: Path) -> list[str]:
    """Return the paths of the files that a process has open; empty if it is another user's.

    Args:
        folder: Folder ``/proc/<pid>/fd`` of the process.
    """
    found = []
    with suppress(OSError):  # the process ended, or belongs to another user
        for descriptor in os.listdir(folder):  # noqa: PTH208 - in one call, before any vanishes
            with suppress(FileNotFoundError):  # closed meanwhile
                found.append(os.readlink(folder / descriptor))  # noqa: PTH115 - not resolved
    return found


def describe_process(pid: int) -> str:
    """Return ``process 7 (dbeaver)``, without the name where the system hides it.

    The command line is left out, because it may contain a password.
    """
    try:
        name = Path(f"/proc/{pid}/comm").read_bytes().decode(errors="replace").strip()
    except OSError:
        name = ""
    return f"process {pid}" + (f" ({name})" if name else "")


@contextmanager
def storage_refused() -> Iterator[None]:
    """Run a block, and replace errors about files and disks by a message for users.

    The new message says what failed and what to do. All other errors pass unchanged. So does a
    `RossmannError`, whatever its cause, because it has a message for users already.

    Raises:
        BusyError: Another process has a file open.
        ForbiddenError: The process may not read or write a file.
        DamagedError: The content of a database is damaged.
        FaultError: The disk is full, or a path cannot be used.
    """
    try:
        yield
    except RossmannError:  # has a better message already
        raise
    except BrokenPipeError:  # the reader of the output has enough: no fault of a file
        raise
    except Exception as error:
        fault = fault_in(error)
        if fault is None:
            raise
        raise fault from error
