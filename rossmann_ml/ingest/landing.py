"""Land the retailer's whole history (:func:`land_raw`) or weekly drops (:func:`land_incoming`).

This module chooses the files and holds the writer's lock; :mod:`~rossmann_ml.ingest.file_load`
lands one file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rossmann_ml.base.errors import NoDataError, SettingsError
from rossmann_ml.ingest.discovery import (
    EXPECTED_NAMES,
    LeftAlone,
    RawFile,
    find_files,
    named_files,
)
from rossmann_ml.ingest.file_load import FileLanding, land_file
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw


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
        landed before, a warning names the missing files; another names what is not landed.

    Raises:
        SettingsError: ``ROSSMANN_RAW_DIR`` names a folder that does not exist.
        NoDataError: ``store.csv`` or ``train.csv`` is missing, and no sales were landed before.
        HeldError: A file changes so much that a person must accept it; files before it stay landed.
        BadFileError: A file cannot be read or has too many bad rows; nothing of it is landed, files
            before it stay landed.
        RefusedError: The files belong to another data set than the rows in the warehouse, see
            :mod:`~rossmann_ml.ingest.data_set`.
        BusyError: Another process is writing.
    """
    folder = session.settings.raw_path
    files, missing = require_files(session)
    incoming = session.settings.incoming_path
    found, others = find_files(folder, may_link=True)
    others += [
        LeftAlone(file.path, f"a weekly file: move it to {incoming}")
        for file in found
        if not file.is_bulk and folder.resolve() != incoming.resolve()
    ]
    warnings = _notes(folder, others)
    if missing:
        lacks = " and no ".join(sorted(missing))
        warnings += (f"{folder} holds no {lacks}; what was landed before stays",)
    return LandingReport(_land(session, files), warnings)


def require_files(session: Session) -> tuple[list[RawFile], set[str]]:
    """Find the bulk files in ``settings.raw_path``, and raise if a required one is missing.

    ``store.csv`` and ``train.csv`` are required until sales have been landed.

    Returns:
        The files that exist, in landing order, and which of the names ``store.csv`` and
        ``train.csv`` are missing.

    Raises:
        SettingsError: ``ROSSMANN_RAW_DIR`` names a folder that does not exist.
        NoDataError: ``store.csv`` or ``train.csv`` is missing, and no sales were landed before.
    """
    folder = session.settings.raw_path
    if session.settings.raw_dir is not None:
        require_folder(folder, "ROSSMANN_RAW_DIR", "retailer's files")
    files = [file for file in find_files(folder, may_link=True)[0] if file.is_bulk]
    missing = {"store.csv", "train.csv"} - {file.path.name for file in files}
    if missing and not _has_sales(session):
        raise NoDataError(
            f"{folder} holds no {' and no '.join(sorted(missing))}: set ROSSMANN_RAW_DIR to the "
            "folder of the retailer's files, put them into data/raw, or make the sample with "
            "`rossmann data sample`"
        )
    return files, missing


def land_incoming(
    session: Session,
    *,
    paths: Sequence[Path] | None = None,
    accept: Sequence[Path] = (),
    actor: str | None = None,
) -> LandingReport:
    """Land weekly drops in the order of their dates; bulk files among them are landed first.

    Args:
        session: Session of the job. Its progress function is called with one line of text per
            landed file, and with further lines while :func:`land_file` reads a large file.
        paths: Files or folders to land instead of the incoming folder; None for the incoming
            folder, ``settings.incoming_path``.
        accept: Files to land even if they would be held or were withdrawn, in addition to `paths`;
            a name without a folder may be a file of the incoming folder.
        actor: Person who accepts them, recorded in ``raw.loads``.

    Returns:
        The result of each file; a warning names what else is in the folders, with the reason why it
        is not landed.

    Raises:
        SettingsError: There is no incoming folder.
        NoDataError: There are files of sales or plan, and no ``store.csv`` was landed before.
        BadFileError: A file cannot be read, its name does not say what it holds, it has too many
            bad rows, or its days do not fit its name; nothing of it is landed, files before it
            stay landed.
        HeldError: A file changes so much that a person must accept it; files before it stay landed.
        RefusedError: The files belong to another data set than the rows in the warehouse, see
            :mod:`~rossmann_ml.ingest.data_set`.
        BusyError: Another process is writing.
    """
    if paths is None and not accept:
        folder = session.settings.incoming_path
        require_folder(folder, "ROSSMANN_INCOMING_DIR", "weekly files")
        files, others = find_files(folder)
        return LandingReport(_land(session, files), _notes(folder, others))
    given = [each for each in paths or () if each.is_dir()]
    notes = [text for folder in given for text in _notes(folder, find_files(folder)[1])]
    incoming = session.settings.incoming_path
    # messages name a file without its folder
    accept = [path if path.exists() or len(path.parts) > 1 else incoming / path for path in accept]
    files = named_files([*(paths or ()), *accept])
    accepted = {path.resolve() for path in accept}
    return LandingReport(_land(session, files, accepted, actor), tuple(notes))


def require_folder(folder: Path, variable: str, content: str) -> None:
    """Raise if a folder of files does not exist, because an empty one means something else.

    Args:
        folder: Path of the folder.
        variable: Environment variable that names the folder.
        content: What the folder holds, for the message.

    Raises:
        SettingsError: There is no such folder.
    """
    if folder.is_dir():
        return
    what = "is not a folder" if folder.exists() else "does not exist"
    raise SettingsError(
        f"the folder of the {content}, {folder}, {what}: make it or mount it, or name another one "
        f"with {variable}"
    )


def _notes(folder: Path, others: Sequence[LeftAlone]) -> tuple[str, ...]:
    if not others:
        return ()
    listed = ", ".join(map(str, others))
    return (f"not landed from {folder}, which takes {EXPECTED_NAMES}: {listed}",)


def _has_sales(session: Session) -> bool:
    if not session.settings.database_path.exists():
        return False
    with session.reading() as connection:
        return raw.newest_sales_date(connection) is not None


def _land(
    session: Session,
    files: Sequence[RawFile],
    accepted: Collection[Path] = (),
    actor: str | None = None,
) -> tuple[FileLanding, ...]:
    """Land files one after the other; when one raises, the files before it stay landed."""
    landings = []
    if files:
        with session.writing() as connection:
            for raw_file in files:
                accepted_by = actor if raw_file.path.resolve() in accepted else None
                landing = land_file(session, connection, raw_file, accepted_by=accepted_by)
                session.progress(landing.describe())
                landings.append(landing)
    return tuple(landings)
