"""Notice that the file of a generation was changed after its publication, by its digest.

Entry points: :func:`write_digest` for the publisher, :func:`is_changed` for readers. Opening a
generation checks its digest; see :mod:`rossmann_ml.serving.generations`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.digests import sha256_of
from rossmann_ml.base.errors import FaultError
from rossmann_ml.base.storage_faults import fault_of


def digest_path(path: Path) -> Path:
    """Return the path of the file that keeps a generation's digest, as ``sha256sum -c`` reads it.

    A generation that an earlier version published has no such file.
    """
    return path.with_name(f"{path.name}.sha256")


def write_digest(temporary: Path, final: Path) -> None:
    """Record the digest of a finished file that is about to be renamed to ``final``."""
    files.write_text_atomically(digest_path(final), f"{sha256_of(temporary)}  {final.name}\n")


def is_changed(path: Path) -> bool:
    """Return whether a generation's file differs from the one that was published.

    A log of DuckDB next to the file is a change too, because readers apply it. Without a recorded
    digest, or without the file, the answer is False. Each state of a file is read once per process,
    because closing a file releases all locks that the process has on it.

    Raises:
        ForbiddenError: This user may not read the file or its digest.
        FaultError: The disk cannot read one of them, or it is no plain file.
    """
    try:
        found = path.stat()
        files.require_plain(path)
        log = path.with_name(f"{path.name}.wal")
        if log.exists() and log.stat().st_size:
            return True
        recorded = files.read_small(digest_path(path)).decode(errors="replace").split()[:1]
        digest = _digest(path, found.st_ino, found.st_size, found.st_mtime_ns)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise fault_of(error) or FaultError(f"{path} cannot be checked: {error}") from error
    return recorded != [digest]


@lru_cache(maxsize=64)
def _digest(path: Path, inode: int, size: int, changed_ns: int) -> str:
    del inode, size, changed_ns  # they identify the state of the file
    return sha256_of(path)
