"""Find, list and open generations, and move the pointer to the current one.

The pointer ``published/CURRENT`` contains one line, the file name of the current generation. Files
of generations are never overwritten, because DuckDB returns the old content for a path that the
process already has open. See :mod:`rossmann_ml.publish` for writing generations.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import (
    BusyError,
    ChangedError,
    DamagedError,
    FaultError,
    NoDataError,
    PublishError,
    RossmannError,
)
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_of
from rossmann_ml.serving.changes import digest_path, is_changed
from rossmann_ml.serving.contract import STORAGE_VERSION
from rossmann_ml.warehouse.whole import require_readable

POINTER_NAME = "CURRENT"
_FILE_NAME = re.compile(r"[0-9a-f]{12}\.duckdb")

# Every reader has the same configuration, because DuckDB refuses to open a file twice in a process
# with different ones. External access is off, so that no query reads or writes another file.
_READER_CONFIG = {"enable_external_access": False, "autoinstall_known_extensions": False}


@dataclass(frozen=True)
class GenerationInfo:
    """Identity of a generation, and the data, model and code that it was made from.

    The attributes are the columns of the only row in its table ``generation_info``.

    Attributes:
        generation_id: Fingerprint of data, champion, code and the runs that made the forecasts in
            the file, 12 hexadecimal digits.
        published_at: Time (UTC) at which the file was written.
        forecast_origin: Newest forecast origin in the file.
        horizon_days: Number of forecast days after the newest origin; earlier origins keep
            theirs.
        data_version: Fingerprint of the landed rows.
        model_version: Version of the champion.
        code_version: Fingerprint of code and parameters.
        git_commit: Commit of the checkout; ``unknown`` without git.
        run_id: Run that published the file.
        data_set_name: Name of the data set, for example ``retailer``.
        is_synthetic: Whether the data are a synthetic sample.
        product_today: Business date of the publication.
        schema_version: Schema version of the warehouse that the file was made from.
        storage_version: DuckDB's storage version of the file.
    """

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
        """Return the row of ``generation_info`` as a mapping from column name to value."""
        return asdict(self)


@dataclass(frozen=True)
class Generation:
    """Generation that is on disk.

    Attributes:
        info: Its row of ``generation_info``.
        path: Path of its file.
        size_bytes: Size of the file in bytes.
        is_current: Whether the pointer names it, so that readers use it.
    """

    info: GenerationInfo
    path: Path
    size_bytes: int
    is_current: bool


def generation_path(settings: Settings, generation_id: str) -> Path:
    """Return the path of a generation's file, which need not exist."""
    return settings.published_path / f"{generation_id}.duckdb"


def bundle_path(settings: Settings, model_version: str) -> Path:
    """Return the path of a model's published bundle, a folder that need not exist."""
    return settings.published_path / "models" / model_version


def open_generation(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a generation read-only; queries on the connection cannot access other files.

    Each thread or request must use its own cursor, because a connection runs one query at a time.

    Raises:
        BusyError: Another process has the file open for writing.
        ForbiddenError: This user may not read the file.
        NoDataError: The file does not exist.
        DamagedError: The file is not a DuckDB database.
        ChangedError: The file was changed after its publication.
    """
    changed = is_changed(path)  # before it is opened, see there
    try:
        connection = duckdb.connect(str(path), read_only=True, config=_READER_CONFIG)
    except duckdb.Error as error:
        raise fault_of(error, path) or FaultError(f"{path} cannot be opened: {error}") from error
    # without a digest, because an earlier version wrote it, only reading shows damage
    if changed or not digest_path(path).exists():
        try:
            require_readable(connection, path)
        except BaseException:
            connection.close()
            raise
    if changed:
        connection.close()
        raise ChangedError(
            f"{path} was changed after its publication: its content does not fit "
            f"{digest_path(path).name}. `rossmann publish` writes it again if the warehouse still "
            "has its content; else `rossmann rollback generation ID` picks another one"
        )
    return connection


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a read-only connection to a generation; close it at the end of the ``with`` block."""
    connection = open_generation(path)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def reading_even_if_busy(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a generation, or to a copy of its file while another process writes.

    The digest of the copy is checked, so that neither a half-written copy nor another client's
    changes are read.

    Raises:
        ChangedError: The other process has changed the content.
        RossmannError: As for :func:`open_generation`.
    """
    try:
        connection = open_generation(path)
    except BusyError:
        if is_changed(path):
            raise ChangedError(f"{path} was changed after its publication") from None
        with tempfile.TemporaryDirectory(prefix=".", suffix=".tmp", dir=path.parent) as folder:
            copy = Path(folder) / path.name
            shutil.copyfile(path, copy)
            if digest_path(path).exists():
                shutil.copyfile(digest_path(path), digest_path(copy))
            with reading(copy) as connection:
                yield connection
        return
    try:
        yield connection
    finally:
        connection.close()


def read_info(connection: duckdb.DuckDBPyConnection) -> GenerationInfo:
    """Read the only row of ``generation_info`` from an open generation.

    Raises:
        DamagedError: The file is not a generation: its table ``generation_info`` is missing, has
            too few columns, or does not have exactly one row.
    """
    known = GenerationInfo.__dataclass_fields__
    try:
        cursor = connection.execute("SELECT * FROM generation_info")
        names = [column[0] for column in cursor.description]
        # a later version of the code may add columns; this code still reads its files
        # all rows are fetched, because a partly read result blocks the connection
        (values,) = cursor.fetchall()
        row = zip(names, values, strict=True)
        return GenerationInfo(**{name: value for name, value in row if name in known})
    except (duckdb.Error, TypeError, ValueError) as error:
        raise DamagedError(f"the file is not a generation: {error}") from error


def model_versions_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """List the versions of the models whose files a generation needs, sorted, each once.

    These are the champion and the models that made the forecasts from the generation's newest
    origin.
    """
    rows = connection.execute(
        "SELECT model_version FROM generation_info "
        "UNION SELECT DISTINCT model_version FROM latest_forecasts ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def pointed_path(published_path: Path) -> Path | None:
    """Return the path that the pointer ``CURRENT`` names; None before the first publication.

    Raises:
        PublishError: The pointer does not contain the file name of a generation.
        ForbiddenError: This user may not read the pointer.
    """
    pointer = published_path / POINTER_NAME
    try:
        name = files.read_small(pointer).decode(errors="replace").strip()
    except FileNotFoundError:
        return None
    except FaultError as error:  # something else in its place, which a new pointer replaces
        raise PublishError(str(error)) from error
    except OSError as error:
        raise fault_of(error, pointer) or FaultError(f"{pointer}: {error}") from error
    if not _FILE_NAME.fullmatch(name):
        raise PublishError(
            f"{pointer}: {name[:80]!r} is not the name of a generation's file "
            "(12 hexadecimal digits and .duckdb); `rossmann publish` rewrites it"
        )
    return published_path / name


def current_path(published_path: Path) -> Path:
    """Return the path of the current generation's file.

    Raises:
        NoDataError: Nothing has been published yet.
        PublishError: The pointer is unusable, or names a file that does not exist.
    """
    path = pointed_path(published_path)
    if path is None:
        raise NoDataError(
            f"nothing is published in {published_path} yet: run `rossmann refresh` first"
        )
    if not path.exists():
        raise PublishError(
            f"{published_path / POINTER_NAME} names {path.name}, which does not exist; "
            "`rossmann generations` lists the others, `rossmann rollback generation ID` picks one"
        )
    return path


def move_pointer(published_path: Path, target: Path) -> None:
    """Make ``target`` the current generation for all readers, in one atomic write."""
    files.write_text_atomically(published_path / POINTER_NAME, f"{target.name}\n")


def generation_files(published_path: Path) -> list[Path]:
    """Return the files that are named like a generation, in any order; content is not checked."""
    return [path for path in published_path.glob("*.duckdb") if _FILE_NAME.fullmatch(path.name)]


def list_generations(settings: Settings) -> list[Generation]:
    """List the generations that can be read, newest publication first."""
    return read_generations(settings)[0]


def read_generations(
    settings: Settings,
) -> tuple[list[Generation], dict[Path, RossmannError]]:
    """Read which generations are on disk, and why others cannot be read.

    Returns:
        Readable generations, newest publication first; and by path of each other file the error of
        :func:`open_generation`: busy, forbidden, changed or damaged.
    """
    folder = settings.published_path
    try:
        current = pointed_path(folder)
    except PublishError:  # the caller may repair the pointer with one of these
        current = None
    found, unread = [], {}
    for path in generation_files(folder):
        try:
            with reading(path) as connection:
                info = read_info(connection)
            size = path.stat().st_size
        except (RossmannError, FileNotFoundError) as error:
            if isinstance(error, RossmannError) and not isinstance(error, NoDataError):
                unread[path] = error  # any other file was removed meanwhile
            continue
        found.append(Generation(info, path, size, path == current))
    found.sort(key=lambda each: (each.info.published_at, each.path.name), reverse=True)
    return found, unread
