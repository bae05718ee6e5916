"""The generations on disk and the pointer to the one that readers use.

``published/CURRENT`` holds one line, the file name of the current generation. Readers resolve it
to that file and open the file, never a path that is overwritten: within a process DuckDB hands
back the old database for a path it has open. Making a generation is not this module's work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import NoDataError, PublishError
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.contract import STORAGE_VERSION

POINTER_NAME = "CURRENT"
_FILE_NAME = re.compile(r"[0-9a-f]{12}\.duckdb")

# One configuration for every reader: DuckDB refuses to open a file twice in a process otherwise.
# External access is off, so that no query reads or writes another file.
_READER_CONFIG = {"enable_external_access": False, "autoinstall_known_extensions": False}


@dataclass(frozen=True)
class GenerationInfo:
    """The row of ``generation_info``: what a generation is and what it was made from."""

    generation_id: str
    published_at: datetime
    forecast_origin: date
    horizon_days: int
    data_version: str
    model_version: str
    code_version: str
    git_commit: str
    run_id: str
    data_set_name: str
    is_synthetic: bool
    product_today: date
    schema_version: int
    storage_version: str = STORAGE_VERSION

    def as_row(self) -> dict[str, object]:
        """The values by column name."""
        return asdict(self)


@dataclass(frozen=True)
class Generation:
    """A generation on disk."""

    info: GenerationInfo
    path: Path
    size_bytes: int
    is_current: bool


def generation_path(settings: Settings, generation_id: str) -> Path:
    """Where the file of a generation is, or will be."""
    return settings.published_path / f"{generation_id}.duckdb"


def bundle_path(settings: Settings, model_version: str) -> Path:
    """Where the published files of a model are, or will be."""
    return settings.published_path / "models" / model_version


def open_generation(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a generation to read; no statement on the connection can write or reach other files.

    Take a cursor of it per thread or request.

    Raises:
        duckdb.Error: The file is not there or is not a DuckDB database.
    """
    return duckdb.connect(str(path), read_only=True, config=_READER_CONFIG)


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a generation for the block."""
    connection = open_generation(path)
    try:
        yield connection
    finally:
        connection.close()


def read_info(connection: duckdb.DuckDBPyConnection) -> GenerationInfo:
    """The generation's row of ``generation_info``.

    Raises:
        duckdb.Error: The file is no generation.
    """
    cursor = connection.execute("SELECT * FROM generation_info")
    names = [column[0] for column in cursor.description]
    known = GenerationInfo.__dataclass_fields__
    # columns may be added by a later version of the code, whose file this code can still read
    # all rows are fetched: a result half read blocks the connection
    (values,) = cursor.fetchall()
    row = zip(names, values, strict=True)
    return GenerationInfo(**{name: value for name, value in row if name in known})


def model_versions_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The models a generation needs files of: the champion, and what made its newest forecasts."""
    rows = connection.execute(
        "SELECT model_version FROM generation_info "
        "UNION SELECT DISTINCT model_version FROM latest_forecasts ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def pointed_path(published_path: Path) -> Path | None:
    """The file that ``CURRENT`` names; None when there is no pointer yet.

    Raises:
        PublishError: The pointer holds something else than the name of a generation's file.
    """
    pointer = published_path / POINTER_NAME
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    if not _FILE_NAME.fullmatch(name):
        raise PublishError(
            f"{pointer}: {name!r} is not the name of a generation's file "
            "(12 hexadecimal digits and .duckdb); `rossmann publish` writes it anew"
        )
    return published_path / name


def current_path(published_path: Path) -> Path:
    """The file that readers should open now.

    Raises:
        NoDataError: Nothing has been published yet.
        PublishError: The pointer cannot be used, or names a file that is not there.
    """
    path = pointed_path(published_path)
    if path is None:
        raise NoDataError(
            f"nothing is published in {published_path} yet: run `rossmann refresh` first"
        )
    if not path.exists():
        raise PublishError(
            f"{published_path / POINTER_NAME} names {path.name}, which is not there; "
            "`rossmann generations` shows what is, `rossmann rollback generation ID` moves to it"
        )
    return path


def move_pointer(published_path: Path, target: Path) -> None:
    """Make a generation the current one, at once for every reader."""
    files.write_text_atomically(published_path / POINTER_NAME, f"{target.name}\n")


def generation_files(published_path: Path) -> list[Path]:
    """The files that are named like generations, whatever they hold; others are nobody's matter."""
    return [path for path in published_path.glob("*.duckdb") if _FILE_NAME.fullmatch(path.name)]


def list_generations(settings: Settings) -> list[Generation]:
    """The generations on disk, the newest first; files that are no generations are passed over."""
    folder = settings.published_path
    try:
        current = pointed_path(folder)
    except PublishError:  # an unusable pointer is mended by pointing at one of these
        current = None
    found = []
    for path in generation_files(folder):
        try:
            with reading(path) as connection:
                info = read_info(connection)
        except (duckdb.Error, TypeError, ValueError):
            continue
        found.append(Generation(info, path, path.stat().st_size, path == current))
    return sorted(found, key=lambda each: (each.info.published_at, each.path.name), reverse=True)
