"""Land the retailer's whole history (:func:`land_raw`) or weekly drops (:func:`land_incoming`).

This module chooses the files and holds the writer's lock; :mod:`~rossmann_ml.ingest.file_load`
lands one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.ingest.discovery import RawFile, find_files, named_files
from rossmann_ml.ingest.file_load import FileLanding, land_file
from rossmann_ml.warehouse.clock import newest_sales_date
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class LandingReport:
    """The result of landing several files.

    Attributes:
        files: One result per file, in landing order.
        warnings: Messages about a folder as a whole, such as missing or unrecognised files.
    """

    files: tuple[FileLanding, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether a row of any file was stored or quarantined."""
        return any(file.load_id is not None for file in self.files)

    def all_warnings(self) -> list[str]:
        """List the warnings about files, each with the file's name, then those about folders."""
        return [
            *(f"{file.file_name}: {text}" for file in self.files for text in file.warnings),
            *self.warnings,
        ]


def land_raw(session: Session) -> LandingReport:
    """Land the bulk files in ``settings.raw_path``: stores, sales, plan and the stores' states.

    Landing the same files again stores no row twice. Rows that a newer bulk file no longer holds
    stay in the warehouse.

    Returns:
        The result of each file. If ``store.csv`` or ``train.csv`` is missing but sales were
        landed before, a warning names the missing files.

    Raises:
        NoDataError: ``store.csv`` or ``train.csv`` is missing, and no sales were landed before.
        BadFileError: A file cannot be read or has too many bad rows; nothing of it is landed, files
            before it stay landed.
        RefusedError: The files belong to another data set than the rows in the warehouse, see
            :mod:`~rossmann_ml.ingest.data_set`.
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
    """Find the bulk files in ``settings.raw_path``, and raise if a required one is missing.

    ``store.csv`` and ``train.csv`` are required until sales have been landed.

    Returns:
        The files that exist, in landing order, and which of the names ``store.csv`` and
        ``train.csv`` are missing.

    Raises:
        NoDataError: ``store.csv`` or ``train.csv`` is missing, and no sales were landed before.
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
    """Land weekly drops in the order of their dates; bulk files among them are landed first.

    Args:
        session: Session of the job. Its progress function is called with one line of text per
            landed file, and with further lines while :func:`land_file` reads a large file.
        paths: Files or folders to land instead of the incoming folder; None for the incoming
            folder, ``settings.incoming_path``.

    Returns:
        The result of each file. If `paths` is None, a warning names the ``.csv`` files of the
        incoming folder that were not landed, because their names do not say what they hold.

    Raises:
        NoDataError: There are files of sales or plan, and no ``store.csv`` was landed before.
        BadFileError: A file cannot be read, its name does not say what it holds, or it has too many
            bad rows; nothing of it is landed, files before it stay landed.
        RefusedError: The files belong to another data set than the rows in the warehouse, see
            :mod:`~rossmann_ml.ingest.data_set`.
        BusyError: Another process is writing.
    """
    warnings: tuple[str, ...] = ()
    if paths is None:
        files, others = find_files(session.settings.incoming_path)
        if others:
            names = ", ".join(path.name for path in others)
            warnings = (
                f"not landed from {session.settings.incoming_path}, because the name is neither "
                f"sales_YYYY-MM-DD.csv nor plan_YYYY-MM-DD.csv: {names}",
            )
    else:
        files = named_files(paths)
    return LandingReport(_land(session, files), warnings)


def _has_sales(session: Session) -> bool:
    if not session.settings.database_path.exists():
        return False
    with session.reading() as connection:
        return newest_sales_date(connection) is not None


def _land(session: Session, files: Sequence[RawFile]) -> tuple[FileLanding, ...]:
    """Land files one after the other; when one raises, the files before it stay landed."""
    landings = []
    if files:
        with session.writing() as connection:
            for raw_file in files:
                landing = land_file(session, connection, raw_file)
                session.progress(landing.describe())
                landings.append(landing)
    return tuple(landings)
