"""Find the files to land, recognise their kind by name and sort them into landing order.

Landing order: bulk files, then weekly drops by day. Entry points: :func:`find_files` for a folder,
:func:`named_files` for paths from the command line. Only names are read here;
:mod:`~rossmann_ml.ingest.reading` reads the rows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rossmann_ml.base.digests import sha256_of
from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FORMATS, FileFormat, Kind

_DROP = re.compile(r"(?P<kind>sales|plan)_(?P<day>\d{4}-\d{2}-\d{2})\.csv")

EXPECTED_NAMES = (
    "store.csv, train.csv, test.csv, store_states.csv, holidays.csv, sales_YYYY-MM-DD.csv or "
    "plan_YYYY-MM-DD.csv"
)


MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class RawFile:
    """A file that can be landed, recognised by its name.

    Attributes:
        path: Path of the file.
        kind: Kind of its rows: a key of `FORMATS`, such as ``sales`` or ``plan``.
        is_bulk: Whether it is a bulk file, which has a whole history or the whole list of stores;
            False for a weekly drop.
        day: Date in the name of a weekly drop; None for bulk files.
    """

    path: Path
    kind: Kind
    is_bulk: bool
    day: date | None = None

    @property
    def format(self) -> FileFormat:
        """Columns and target table of the file's kind."""
        return FORMATS[self.kind]

    def too_large(self, max_file_mb: int) -> str:
        """Return why the file is too large to be read; an empty text if it is not.

        Args:
            max_file_mb: Largest size in MB of 1,048,576 bytes.

        Raises:
            BadFileError: The file cannot be looked at.
        """
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise BadFileError(f"{self.path}: cannot be opened: {error.strerror}") from error
        if size <= max_file_mb * MEGABYTE:
            return ""
        return (
            f"{size / MEGABYTE:,.0f} MB, more than the {max_file_mb:,} MB that ingest.max_file_mb "
            "in params.yaml allows"
        )

    def sha256(self) -> str:
        """Compute the SHA-256 of the file's bytes; it identifies a file that was landed before.

        Raises:
            BadFileError: The file cannot be opened.
        """
        try:
            return sha256_of(self.path)
        except OSError as error:
            raise BadFileError(f"{self.path}: cannot be opened: {error.strerror}") from error


def recognise(path: Path) -> RawFile | None:
    """Recognise the kind and date of a file by its name; None for other names than expected.

    ``EXPECTED_NAMES`` lists the names; a weekly drop's date must be a date of the calendar.
    """
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
    """Sort files by the order of landing: bulk files first, then weekly drops by day.

    Files of one day, and the bulk files, are sorted by kind: stores, sales, plan, store states,
    holidays.
    """
    return sorted(
        files,
        key=lambda file: (
            not file.is_bulk,
            file.day or date.min,
            list(FORMATS).index(file.kind),
            str(file.path),
        ),
    )


@dataclass(frozen=True)
class LeftAlone:
    """A file or subfolder in a folder of files that is not landed.

    Attributes:
        path: Its path.
        reason: Why it is not landed, and how to land it.
    """

    path: Path
    reason: str

    @property
    def name(self) -> str:
        """Its name, with line breaks as escapes, so that a name is no line of its own."""
        return self.path.name.replace("\n", r"\n")

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


def find_files(folder: Path, *, may_link: bool = False) -> tuple[list[RawFile], list[LeftAlone]]:
    """List the files of a folder that can be landed, and everything else in it.

    Args:
        folder: Folder to search, without its subfolders and hidden files; a folder that does not
            exist has no files.
        may_link: Whether a file may be a link to a file outside the folder. By default such a link
            is not followed, because others may write to the folder.

    Returns:
        The files in landing order, and what is not landed with the reason. Files that have another
        purpose, such as a marker or DVC's pointers, are in neither.
    """
    if not folder.is_dir():
        return [], []
    found: list[RawFile] = []
    others: list[LeftAlone] = []
    inside = Path(os.path.realpath(folder))
    for path in sorted(folder.iterdir()):
        # realpath, because Path.resolve raises an error for a link that leads to itself
        target = Path(os.path.realpath(path))
        if not may_link and path.is_symlink() and not target.is_relative_to(inside):
            others.append(LeftAlone(path, "a link that leaves the folder: copy the file itself"))
            continue
        raw_file = recognise(path) if path.is_file() else None
        if raw_file is None:
            reason = _why_left_alone(path)
            if reason:
                others.append(LeftAlone(path, reason))
        else:
            found.append(raw_file)
    return in_landing_order(found), others


# Files of the product and of tools that a folder of data holds besides the retailer's.
_OTHER_PURPOSES = re.compile(
    r"\.gitkeep|\.gitignore|\.dvcignore|\.DS_Store|Thumbs\.db|desktop\.ini|README(\..*)?"
    r"|dataset\.json|sample_submission\.csv|.*\.dvc|\.making(\.lock)?|\.fetching\..*"
)
_NOT_TEXT = {
    (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz"): "compressed: unpack it",
    (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"): "a workbook: export it as CSV",
    (".part", ".partial", ".crdownload", ".tmp", ".filepart"): "an unfinished transfer",
}
_OTHER_DAY = re.compile(r"(?i)(?P<kind>sales|plan)[-_ ]?(?P<day>\d[\d._-]*\d)\.csv")


def _why_left_alone(path: Path) -> str | None:
    """Return why a file or folder is not landed; None if it has another purpose."""
    name, suffix = path.name, path.suffix.lower()
    if _OTHER_PURPOSES.fullmatch(name):
        return None
    if path.is_dir():
        inside = sum(1 for each in path.rglob("*") if each.is_file())
        files = "1 file" if inside == 1 else f"{inside:,} files"
        return (
            f"a folder with {files}: subfolders are not searched, move files up" if inside else None
        )
    if not path.is_file():
        return "not a regular file, or a link to nothing"
    if name.startswith((".", "~")):
        return "a hidden or temporary file: rename it"
    for suffixes, reason in _NOT_TEXT.items():
        if suffix in suffixes:
            return reason
    near = _near_name(name)
    return f"its name is not one that is landed{f'; is {near} meant?' if near else ''}"


def _near_name(name: str) -> str | None:
    """Return the name that was probably meant; None if the name resembles none."""
    plain = re.sub(r" ?\(\d+\)| ?- ?(copy|Copy|Kopie)", "", name).strip().lower()
    plain = re.sub(r"\.csv\..*$", ".csv", plain)
    if recognise(Path(plain)) is not None:
        return plain
    match = _OTHER_DAY.fullmatch(plain)
    if match is None:
        return None
    digits = re.sub(r"\D", "", match["day"])
    dates = (
        f"{digits[:4]}-{digits[4:6]}-{digits[6:]}",
        f"{digits[4:]}-{digits[2:4]}-{digits[:2]}",
    )
    meant = (f"{match['kind']}_{day}.csv" for day in dates)
    return next((name for name in meant if recognise(Path(name)) is not None), None)


def named_files(paths: Iterable[Path]) -> list[RawFile]:
    """Recognise files that a user named, and sort them into landing order.

    Args:
        paths: Files, or folders whose recognised files are taken; their other files are skipped.

    Raises:
        BadFileError: A path does not exist, or its name does not say what the file holds.
    """
    found: dict[Path, RawFile] = {}
    for path in paths:
        if path.is_dir():
            found.update({file.path.resolve(): file for file in find_files(path)[0]})
            continue
        if not path.exists():
            raise BadFileError(f"{path}: there is no such file")
        if not path.is_file():
            raise BadFileError(f"{path}: not a regular file; expected a file of text")
        raw_file = recognise(path)
        if raw_file is None:
            raise BadFileError(
                f"{path}: the name does not say what the file holds; expected {EXPECTED_NAMES}"
            )
        found[path.resolve()] = raw_file
    return in_landing_order(found.values())
