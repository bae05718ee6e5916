"""Telling a disk that takes nothing from a bug.

Belongs here: which errors of the system and of SQLite mean that the disk is full or closed to us,
and the words for them. What is refused for another reason has its own error where it is found.
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
    """Turn a disk that is full or closed into a refusal; what a run finished before it is kept.

    Raises:
        FaultError: In place of such an error; any other passes as it is.
    """
    try:
        yield
    except RossmannError:  # told in better words where it was found, whatever it came of
        raise
    except Exception as error:
        words = _in_words(error)
        if words is None:
            raise
        raise FaultError(words) from error


def _in_words(error: BaseException | None) -> str | None:
    """What a person is told; None for an error that is not the disk's."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL | _CLOSED:
            where = error.filename or "a file"
            is_full = error.errno in _FULL
            # the system does not say whether it was to be read or to be written
            what = "written" if is_full else "read or written"
            do = _MAKE_ROOM if is_full else _GIVE_RIGHTS
            return f"{where} cannot be {what}: {os.strerror(error.errno)}; {do}, and run it again"
        # the lowest eight bits are the kind, the others say more of it
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _SQLITE:
            return (
                f"the record of runs below the state folder cannot be written: {error}; "
                f"{_MAKE_ROOM}, or {_GIVE_RIGHTS}, and run it again"
            )
        error = error.__cause__ or error.__context__
    return None
