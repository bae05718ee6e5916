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
    """Run a block, and replace errors of a full or write-protected disk by a message for users.

    Errors with another cause pass unchanged.

    Raises:
        FaultError: The disk is full, or the process may not read or write a file.
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
