"""Recognise errors of a full or write-protected disk, and raise them as `FaultError`.

Entry point: :func:`storage_refused`, which covers errors of the operating system and of SQLite.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from rossmann_ml.base.errors import FaultError, RossmannError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_SQLITE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
    }
)
_MAKE_ROOM = "make room (`rossmann doctor` says how much is left)"
_GIVE_RIGHTS = "give the user who runs this the right to do so"


@contextmanager
def storage_refused() -> Iterator[None]:
    """Replace errors of a full or write-protected disk in a block by a message for users.

    Raises:
        FaultError: The disk is full, or the process may not read or write a file. Other errors
            pass unchanged.
    """
    try:
        yield
    except RossmannError:  # has a better message already
        raise
    except Exception as error:
        words = _in_words(error)
        if words is None:
            raise
        raise FaultError(words) from error


def _in_words(error: BaseException | None) -> str | None:
    """Return the message for users; None if the disk did not cause the error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL | _CLOSED:
            where = error.filename or "a file"
            is_full = error.errno in _FULL
            # the error does not tell reading from writing
            what = "written" if is_full else "read or written"
            do = _MAKE_ROOM if is_full else _GIVE_RIGHTS
            return f"{where} cannot be {what}: {os.strerror(error.errno)}; {do}, and run it again"
        # the lowest eight bits are SQLite's primary result code
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _SQLITE:
            return (
                f"the record of runs below the state folder cannot be written: {error}; "
                f"{_MAKE_ROOM}, or {_GIVE_RIGHTS}, and run it again"
            )
        error = error.__cause__ or error.__context__
    return None
