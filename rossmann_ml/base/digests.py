"""Compute digests that identify the bytes of a file or a set of values.

Entry points: :func:`md5_of`, :func:`sha256_of`, :func:`fingerprint`. Fingerprints of the landed
data and of the code are in :mod:`rossmann_ml.warehouse.versions`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def md5_of(path: Path) -> str:
    """Return the MD5 of a file's bytes, by which DVC and Kaggle identify files."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, by which files with equal content are recognised."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint(value: Mapping[str, object] | Iterable[object]) -> str:
    """Return a digest of values, so that equal values are recognised by a short text.

    Args:
        value: Mapping or sequence of values. Values that JSON cannot hold, such as dates, count as
            their text. The order of a sequence counts, the order of a mapping's keys does not.

    Returns:
        12 hexadecimal digits.
    """
    plain = dict(value) if isinstance(value, Mapping) else list(value)
    text = json.dumps(plain, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
