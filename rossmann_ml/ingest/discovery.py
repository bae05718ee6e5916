"""Which files lie in a folder, what their names say they are, and in which order they land.

File names only: nothing here opens a file's rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rossmann_ml.base.digests import sha256_of
from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FORMATS, FileFormat, Kind

_DROP = re.compile(r"(?P<kind>sales|plan)_(?P<day>\d{4}-\d{2}-\d{2})\.csv")
_ORDER: tuple[Kind, ...] = tuple(FORMATS)

EXPECTED_NAMES = (
    "store.csv, train.csv, test.csv, store_states.csv, sales_YYYY-MM-DD.csv or plan_YYYY-MM-DD.csv"
)


@dataclass(frozen=True)
class RawFile:
    """A file that can be landed.

    Attributes:
        path: Where it is.
        kind: What its name says it holds.
        is_bulk: A whole history or the whole list of stores, not a weekly drop.
        day: The day in a weekly drop's name; None for bulk files.
    """

    path: Path
    kind: Kind
    is_bulk: bool
    day: date | None = None

    @property
    def format(self) -> FileFormat:
        """The columns its kind has."""
        return FORMATS[self.kind]

    def sha256(self) -> str:
        """Hash of its bytes, which tells a file that was landed before.

        Raises:
            BadFileError: The file cannot be opened.
        """
        try:
            return sha256_of(self.path)
        except OSError as error:
            raise BadFileError(f"{self.path}: cannot be opened: {error.strerror}") from error


def recognise(path: Path) -> RawFile | None:
    """Say what a file is by its name, or None when the name is none of the product's."""
    for kind, file_format in FORMATS.items():
        if path.name == file_format.bulk_name:
            return RawFile(path, kind, is_bulk=True)
    match = _DROP.fullmatch(path.name)
    if match is None:
        return None
    try:
        day = date.fromisoformat(match["day"])
    except ValueError:
        return None
    return RawFile(path, "sales" if match["kind"] == "sales" else "plan", is_bulk=False, day=day)


def in_landing_order(files: Iterable[RawFile]) -> list[RawFile]:
    """Bulk files first (stores before sales), then weekly drops by day, sales before the plan."""
    return sorted(
        files,
        key=lambda file: (
            not file.is_bulk,
            file.day or date.min,
            _ORDER.index(file.kind),
            str(file.path),
        ),
    )


def find_files(folder: Path) -> tuple[list[RawFile], list[str]]:
    """List what can be landed from a folder.

    Args:
        folder: It need not exist.

    Returns:
        The files in landing order, and the names of other ``.csv`` files, which are left alone.
    """
    if not folder.is_dir():
        return [], []
    found: list[RawFile] = []
    others: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        raw_file = recognise(path)
        if raw_file is not None:
            found.append(raw_file)
        elif path.suffix.lower() == ".csv":
            others.append(path.name)
    return in_landing_order(found), others


def named_files(paths: Iterable[Path]) -> list[RawFile]:
    """List the files that a person named, folders opened, in landing order.

    Raises:
        BadFileError: A path does not exist, or its name is none of the product's.
    """
    found: dict[Path, RawFile] = {}
    for path in paths:
        if path.is_dir():
            found.update({file.path.resolve(): file for file in find_files(path)[0]})
            continue
        if not path.exists():
            raise BadFileError(f"{path}: there is no such file")
        raw_file = recognise(path)
        if raw_file is None:
            raise BadFileError(
                f"{path}: the name does not say what the file holds; expected {EXPECTED_NAMES}"
            )
        found[path.resolve()] = raw_file
    return in_landing_order(found.values())
