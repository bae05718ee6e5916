"""The two ways files come in: the retailer's whole history, and weekly drops.

Which files, in which order, under the writer's lock; what happens to one file is in
:mod:`~rossmann_ml.ingest.file_load`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.progress import Progress
from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.discovery import RawFile, find_files, named_files
from rossmann_ml.ingest.file_load import land_file
from rossmann_ml.ingest.report import FileLanding, LandingReport
from rossmann_ml.warehouse.clock import newest_sales_date
from rossmann_ml.warehouse.session import Session


def land_raw(session: Session) -> LandingReport:
    """Land the bulk files of ``settings.raw_path``: stores, sales, the plan, the states.

    Landing is idempotent. Rows that a newer bulk file no longer holds stay.

    Returns:
        What became of each file. Where the folder lacks ``store.csv`` or ``train.csv`` but both
        were landed before, a warning takes the place of the files.

    Raises:
        NoDataError: There are no files, and nothing was landed before.
        BadFileError: A file cannot be read; it changed nothing, files before it stay landed.
        BadFileError: A file has too many bad rows; it changed nothing.
        RefusedError: The warehouse holds another data set.
        BusyError: Another process is writing.
    """
    folder = session.settings.raw_path
    files, missing = require_files(session)
    warnings = (
        (f"{folder} holds no {' and no '.join(sorted(missing))}; what was landed before stays",)
        if missing
        else ()
    )
    return LandingReport(_land(session, files), warnings)


def require_files(session: Session) -> tuple[list[RawFile], set[str]]:
    """Find the bulk files, and refuse when there is nothing to work with.

    Returns:
        The files in landing order, and the names of those that are missing though they were
        landed before.

    Raises:
        NoDataError: There are no files, and nothing was landed before.
    """
    folder = session.settings.raw_path
    files = [file for file in find_files(folder)[0] if file.is_bulk]
    missing = {"store.csv", "train.csv"} - {file.path.name for file in files}
    if missing and not _has_sales(session):
        raise NoDataError(
            f"{folder} holds no {' and no '.join(sorted(missing))}: set ROSSMANN_RAW_DIR to the "
            "folder of the retailer's files, put them into data/raw, or make the sample with "
            "`rossmann data sample`"
        )
    return files, missing


def land_incoming(session: Session, *, paths: Sequence[Path] | None = None) -> LandingReport:
    """Land weekly drops in the order of their days.

    Args:
        session: Session of the job; its progress is told a line for each file.
        paths: Files or folders instead of the incoming folder; bulk files are taken too.

    Returns:
        What became of each file; other CSV files in the incoming folder are named in a warning.

    Raises:
        NoDataError: No ``store.csv`` was landed yet.
        BadFileError: A file cannot be read, or its name is none of the product's; it changed
            nothing, files before it stay landed.
        BadFileError: A file has too many bad rows; it changed nothing.
        RefusedError: The warehouse holds another data set.
        BusyError: Another process is writing.
    """
    warnings: tuple[str, ...] = ()
    if paths is None:
        files, others = find_files(session.settings.incoming_path)
        if others:
            warnings = (
                f"left alone in {session.settings.incoming_path}, since the name is neither "
                f"sales_YYYY-MM-DD.csv nor plan_YYYY-MM-DD.csv: {', '.join(others)}",
            )
    else:
        files = named_files(paths)
    return LandingReport(_land(session, files), warnings)


def _has_sales(session: Session) -> bool:
    if not session.settings.database_path.exists():
        return False
    with session.reading() as connection:
        return newest_sales_date(connection) is not None


def _land(session: Session, files: Iterable[RawFile]) -> tuple[FileLanding, ...]:
    waiting = list(files)
    if not waiting:
        return ()
    with session.writing() as connection:
        return land_files(connection, session.settings, session.params, waiting, session.progress)


def land_files(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    params: Params,
    files: Iterable[RawFile],
    tell: Progress,
) -> tuple[FileLanding, ...]:
    """Land files one after the other, and tell what became of each.

    Args:
        connection: A writing connection; the caller holds the writer's lock.
        settings: The warehouse's place (for messages) and the clock.
        params: How many bad rows a file may have.
        files: In the order in which they land; a refusal leaves those before it landed.
        tell: Told a line a file, and how far a large file has been read.
    """
    landings = []
    for raw_file in files:
        landings.append(land_file(connection, settings, params, raw_file, tell))
        tell(landings[-1].describe())
    return tuple(landings)
