"""Whether a file's first line is the header its name promises."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FORMATS, FileFormat

# A line with more is no header of the product's files, and too long for a message.
MOST_COLUMNS = 200
# From here on a name is guessed to be a misspelt one: twice the letters in common over all letters.
_ALIKE = 0.6
_DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


@dataclass(frozen=True)
class Header:
    """The columns of one file.

    Attributes:
        names: As they stand, in the file's order.
        unknown: Those that the format does not know; they are not read.
    """

    names: tuple[str, ...]
    unknown: tuple[str, ...]


def read_header(path: Path, line: str, file_format: FileFormat) -> Header:
    """Check the first line of a file.

    Args:
        path: The file, for the message.
        line: Its first line without the line end.
        file_format: What its name says it is.

    Raises:
        BadFileError: Wrong delimiter, a column missing, renamed or there twice, or the header of
            another kind of file.
    """
    place = f"{path}, line 1"
    if "\r" in line:
        raise BadFileError(
            f"{place}: lines end with a carriage return alone; expected line feeds, "
            "with or without a carriage return before them"
        )
    if "," not in line:
        _refuse_other_delimiter(place, line, file_format)
    names = _split(place, line)
    if len(names) > MOST_COLUMNS:
        raise BadFileError(
            f"{place}: {len(names):,} columns; expected {_listed(file_format.names)}"
        )
    found = set(names)
    _refuse_other_kind(place, found, file_format)
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
            f"{place}: column {_listed(repeated)} stands there more than once; "
            f"found {_listed(names)}, expected each column once"
        )
    known = {*file_format.names, *file_format.optional}
    return Header(tuple(names), tuple(name for name in names if name not in known))


def _split(place: str, line: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], strict=True), [])]
    except csv.Error as error:
        raise BadFileError(f"{place}: the header cannot be read: {error}") from error


def _refuse_other_delimiter(place: str, line: str, file_format: FileFormat) -> None:
    for delimiter, spoken in _DELIMITERS.items():
        names = {name.strip().strip('"') for name in line.split(delimiter)}
        if len(names & set(file_format.names)) > 1:
            raise BadFileError(
                f"{place}: columns are separated by {spoken} ({delimiter!r}); expected a comma"
            )


def _refuse_other_kind(place: str, found: set[str], file_format: FileFormat) -> None:
    # a sales file has all columns of a plan and more, so the longest match decides
    fitting = [other for other in FORMATS.values() if set(other.names) <= found]
    if not fitting:
        return
    best = max(fitting, key=lambda other: len(other.names))
    own = found & set(file_format.names)
    if best.kind != file_format.kind and len(best.names) >= len(own):
        raise BadFileError(
            f"{place}: these are the columns of {_spoken(best)}, but the file's name says "
            f"{_spoken(file_format)}; found {_listed(sorted(found))}, "
            f"expected {_listed(file_format.names)}"
        )


def _spoken(file_format: FileFormat) -> str:
    return f"{file_format.kind.replace('_', ' ')} (like {file_format.bulk_name})"


def _describe_missing(name: str, unused: list[str]) -> str:
    by_lower = {other.lower(): other for other in unused}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=_ALIKE)
    hints = (f" (is {by_lower[other]!r} meant?)" for other in near)
    return f"column {name!r} is missing{''.join(hints)}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names) if names else "nothing"
