"""Report landed rows, quarantined rows and files that are not landed yet; read-only.

Entry points: :func:`data_status`, :func:`read_data_status`. Checks of freshness and completeness
are in :mod:`rossmann_ml.quality`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.data_set import DataSet, landed_data_set
from rossmann_ml.ingest.discovery import RawFile, find_files
from rossmann_ml.ingest.formats import FORMATS, Kind
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class LandedKind:
    """Counts of one raw table.

    Attributes:
        kind: Kind of the files that land in the table.
        files: Number of different files that changed the table or the quarantine.
        rows: Number of rows, counting only the newest version of each.
        versions_restated: Number of stored versions that replace an earlier one.
        first_date: Oldest date; None for files without dates.
        last_date: Newest date; None for files without dates.
        quarantined: Number of quarantined rows of all files by reason.
    """

    kind: Kind
    files: int
    rows: int
    versions_restated: int
    first_date: date | None
    last_date: date | None
    quarantined: dict[str, int]


@dataclass(frozen=True)
class DataStatus:
    """Landed rows of every kind, and the files in the two folders that can be landed.

    Attributes:
        database_path: Path of the pipeline's database, existing or not.
        has_warehouse: Whether the database exists with its raw tables.
        data_set: Data set in the warehouse; None before the first landing.
        today: Business date; None before the first landing.
        landed: Counts of each kind of file that was landed.
        raw_path: Folder of the retailer's bulk files.
        incoming_path: Folder of weekly drops.
        waiting: Files in the folders that were not landed, or had nothing new.
        left_alone: CSV files in the folders whose name has no known kind.
    """

    database_path: Path
    has_warehouse: bool
    data_set: DataSet | None
    today: date | None
    landed: tuple[LandedKind, ...]
    raw_path: Path
    incoming_path: Path
    waiting: tuple[RawFile, ...]
    left_alone: tuple[Path, ...]


def data_status(session: Session) -> DataStatus:
    """Return the status of the warehouse and of the raw and incoming folders.

    Raises:
        BusyError: Another process has the database open for writing.
        BadFileError: A file in the folders cannot be opened.
    """
    settings = session.settings
    if not settings.database_path.exists():
        return read_data_status(None, settings)
    with session.reading() as connection:
        return read_data_status(connection, settings)


def read_data_status(
    connection: duckdb.DuckDBPyConnection | None, settings: Settings
) -> DataStatus:
    """Return the status from an open connection, or from the folders alone if it is None.

    Raises:
        BadFileError: A file in the folders cannot be opened.
    """
    found: list[RawFile] = []
    left_alone: list[Path] = []
    for folder in (settings.raw_path, settings.incoming_path):
        files, others = find_files(folder)
        found += files
        left_alone += [folder / name for name in others]
    has_warehouse = connection is not None and _has_tables(connection)
    data_set: DataSet | None = None
    today: date | None = None
    landed: tuple[LandedKind, ...] = ()
    hashes: set[tuple[str, str]] = set()
    if connection is not None and has_warehouse:
        data_set = landed_data_set(connection)
        landed = _landed_kinds(connection)
        hashes = set(connection.execute("SELECT kind, file_sha256 FROM raw.loads").fetchall())
        today = product_today(connection, settings) if data_set is not None else None
    return DataStatus(
        database_path=settings.database_path,
        has_warehouse=has_warehouse,
        data_set=data_set,
        today=today,
        landed=landed,
        raw_path=settings.raw_path,
        incoming_path=settings.incoming_path,
        waiting=tuple(file for file in found if (file.kind, file.sha256()) not in hashes),
        left_alone=tuple(left_alone),
    )


def _has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the database has the raw tables; one that only dbt wrote to has not."""
    found = connection.execute(
        "SELECT 1 FROM information_schema.tables "
        "WHERE table_schema = 'raw' AND table_name = 'loads'"
    ).fetchall()
    return bool(found)


def _landed_kinds(connection: duckdb.DuckDBPyConnection) -> tuple[LandedKind, ...]:
    landed = []
    for kind, file_format in FORMATS.items():
        ((files, restated),) = connection.execute(
            "SELECT count(DISTINCT file_sha256), coalesce(sum(rows_restated), 0) "
            "FROM raw.loads WHERE kind = ?",
            [kind],
        ).fetchall()
        if not files:
            continue
        dates = "min(date), max(date)" if file_format.has_dates else "NULL, NULL"
        ((versions, first_date, last_date),) = connection.execute(
            f"SELECT count(*), {dates} FROM {file_format.table}"  # noqa: S608 - constants
        ).fetchall()
        quarantined = connection.execute(
            "SELECT reason, count(*) FROM raw.quarantined_rows WHERE kind = ? "
            "GROUP BY reason ORDER BY count(*) DESC, reason",
            [kind],
        ).fetchall()
        landed.append(
            LandedKind(
                kind=kind,
                files=files,
                # each restatement adds one version to the version that it replaces
                rows=versions - int(restated),
                versions_restated=int(restated),
                first_date=first_date,
                last_date=last_date,
                quarantined=dict(quarantined),
            )
        )
    return tuple(landed)
