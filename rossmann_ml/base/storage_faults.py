"""Raise `FaultError` if the disk is full, or if a file may not be read or written.

Entry point: :func:`storage_refused`, which covers errors of the operating system and of SQLite.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from rossmann_ml.base.errors import FaultError, RossmannError

_SYSTEM = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS}
)
_SQLITE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
    }
)
_REPAIR = (
    "make room (`rossmann doctor` says how much is left), or give the user who runs this the right "
    "to do so, and run it again"
)


@contextmanager
def storage_refused() -> Iterator[None]:
    """Run the block of a ``with`` statement, and raise its storage errors as `FaultError`.

    The new message says what failed and what to do. All other errors pass unchanged. So does a
    `RossmannError`, whatever its cause, because it has a message for users already.

    Raises:
        FaultError: The disk is full or read-only, the process may not read or write a file, or
            SQLite cannot open, read or write its database.
    """
    try:
        yield
    except RossmannError:  # has a better message already
        raise
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError) and cause.errno in _SYSTEM:
                where, reason = cause.filename or "a file", os.strerror(cause.errno)
                message = f"{where} cannot be read or written: {reason}; {_REPAIR}"
                raise FaultError(message) from error
            # the lowest eight bits are SQLite's primary result code
            if (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _SQLITE:
                runs = "the record of runs below the state folder"
                raise FaultError(f"{runs} cannot be written: {cause}; {_REPAIR}") from error
            cause = cause.__cause__ or cause.__context__
        raise
