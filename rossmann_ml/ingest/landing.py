"""Land the retailer's whole history (:func:`land_raw`) or weekly drops (:func:`land_incoming`).

This module chooses the files and holds the writer's lock; :mod:`~rossmann_ml.ingest.file_load`
lands one file.
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

    Landing is idempotent. Rows that a newer bulk file no longer holds stay in the warehouse.

    Returns:
        The result of each file. If ``store.csv`` or ``train.csv`` is missing but sales were
        landed before, a warning names the missing files.

    Raises:
        NoDataError: There are no files, and nothing was landed before.
        BadFileError: A file cannot be read or has too many bad rows; nothing of it is landed, files
            before it stay landed.
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
    """Find the bulk files, and raise when neither the folder nor the warehouse has sales.

    Returns:
        The files in landing order, and which of ``store.csv`` and ``train.csv`` are missing
        although sales were landed before.

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
    """Land weekly drops in the order of their dates.

    Args:
        session: Session of the job; its progress is called with one line per file.
        paths: Files or folders to land in place of the incoming folder, bulk files included.

    Returns:
        The result of each file; a warning names other CSV files in the incoming folder.

    Raises:
        NoDataError: No ``store.csv`` was landed yet.
        BadFileError: A file cannot be read, its name does not say what it holds, or it has too many
            bad rows; nothing of it is landed, files before it stay landed.
        RefusedError: The warehouse holds another data set.
        BusyError: Another process is writing.
    """
    warnings: tuple[str, ...] = ()
    if paths is None:
        files, others = find_files(session.settings.incoming_path)
        if others:
            warnings = (
                f"not landed from {session.settings.incoming_path}, because the name is neither "
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
    progress: Progress,
) -> tuple[FileLanding, ...]:
    """Land files one after the other and report the result of each.

    Args:
        connection: Writing connection; the caller holds the writer's lock.
        settings: Paths for messages, and the business date if it is set.
        params: Parameters with the allowed share of bad rows.
        files: Files in landing order; when one raises, the files before it stay landed.
        progress: Called with one line per file, and with the share read of a large file.
    """
    landings = []
    for raw_file in files:
        landings.append(land_file(connection, settings, params, raw_file, progress))
        progress(landings[-1].describe())
    return tuple(landings)
