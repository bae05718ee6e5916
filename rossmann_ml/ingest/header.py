"""Check that a file's first line has the columns that the file's name promises.

Entry point: :func:`read_header`.
"""

from __future__ import annotations

import csv
from collections import Counter
from difflib import get_close_matches
from pathlib import Path

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FORMATS, FileFormat

# A line with more columns is not a header of the product's files, and too long for a message.
MOST_COLUMNS = 200
# Smallest similarity (difflib's ratio, 0 to 1) at which a message suggests another spelling.
_ALIKE = 0.6
_DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


def read_header(path: Path, line: str, file_format: FileFormat) -> list[str]:
    """Check the first line of a file and return its column names.

    Args:
        path: Path of the file, for messages.
        line: First line without the line end.
        file_format: Expected columns, from the file's name.

    Raises:
        BadFileError: The delimiter is wrong, a column is missing, misspelt or repeated, or the
            header belongs to another kind of file.
    """
    place = f"{path}, line 1"
    if "\r" in line:
        raise BadFileError(
            f"{place}: lines end with a carriage return alone; expected line feeds, "
            "with or without a carriage return before them"
        )
    if "," not in line:
        _check_delimiter(place, line, file_format)
    try:
        names = [name.strip() for name in next(csv.reader([line], strict=True), [])]
    except csv.Error as error:
        raise BadFileError(f"{place}: the header cannot be read: {error}") from error
    if len(names) > MOST_COLUMNS:
        raise BadFileError(
            f"{place}: {len(names):,} columns; expected {_listed(file_format.names)}"
        )
    found = set(names)
    _check_kind(place, found, file_format)
    missing = [name for name in file_format.names if name not in found]
    if missing:
        unused = [name for name in names if name not in file_format.names]
        raise BadFileError(
            f"{place}: {'; '.join(_describe_missing(name, unused) for name in missing)}. "
            f"Found {_listed(names)}; expected {_listed(file_format.names)}"
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise BadFileError(
            f"{place}: column {_listed(repeated)} is there more than once; "
            f"found {_listed(names)}, expected each column once"
        )
    return names


def _check_delimiter(place: str, line: str, file_format: FileFormat) -> None:
    for delimiter, described in _DELIMITERS.items():
        names = {name.strip().strip('"') for name in line.split(delimiter)}
        if len(names & set(file_format.names)) > 1:
            raise BadFileError(
                f"{place}: columns are separated by {described} ({delimiter!r}); expected a comma"
            )


def _check_kind(place: str, found: set[str], file_format: FileFormat) -> None:
    # a sales file has all columns of a plan and more, so the longest match decides
    fitting = [other for other in FORMATS.values() if set(other.names) <= found]
    if not fitting:
        return
    best = max(fitting, key=lambda other: len(other.names))
    own = found & set(file_format.names)
    if best.kind != file_format.kind and len(best.names) >= len(own):
        raise BadFileError(
            f"{place}: these are the columns of {_described(best)}, but the file's name says "
            f"{_described(file_format)}; found {_listed(sorted(found))}, "
            f"expected {_listed(file_format.names)}"
        )


def _described(file_format: FileFormat) -> str:
    return f"{file_format.kind.replace('_', ' ')} (like {file_format.bulk_name})"


def _describe_missing(name: str, unused: list[str]) -> str:
    by_lower = {other.lower(): other for other in unused}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=_ALIKE)
    hints = (f" (is {by_lower[other]!r} meant?)" for other in near)
    return f"column {name!r} is missing{''.join(hints)}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names) if names else "nothing"
