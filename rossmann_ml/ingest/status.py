"""Report landed rows, quarantined rows and files that are not landed yet; read-only.

Entry point: :func:`data_status`. Checks of freshness and completeness
are in :mod:`rossmann_ml.quality`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.ingest.data_set import DataSet, landed_data_set
from rossmann_ml.ingest.discovery import LeftAlone, RawFile, find_files
from rossmann_ml.ingest.formats import FORMATS, Kind
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import count_rows
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class LandedKind:
    """Numbers of files and rows that were landed into one raw table.

    Attributes:
        kind: Kind of the files that land in the table.
        files: Number of different files that changed the table or the quarantine.
        rows: Number of rows in the table, counting only the newest version of each.
        versions_restated: Number of rows in the table that replace an earlier version.
        first_date: Oldest date; None for files without dates.
        last_date: Newest date; None for files without dates.
        quarantined: Number of quarantined rows in all files of this kind, by reason.
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
        has_warehouse: Whether the database exists with its raw tables.
        data_set: Data set in the warehouse; None before the first landing.
        today: Business date; None before the first landing.
        landed: Counts of each kind of file that was landed.
        waiting: Files in the folders without a row in ``raw.loads``, because they were not landed
            yet or had nothing new.
        left_alone: Other files and folders in them, which are not landed, with the reason.
    """

    has_warehouse: bool
    data_set: DataSet | None
    today: date | None
    landed: tuple[LandedKind, ...]
    waiting: tuple[RawFile, ...]
    left_alone: tuple[LeftAlone, ...]


def data_status(session: Session) -> DataStatus:
    """Return the status of the warehouse and of the raw and incoming folders.

    Raises:
        BusyError: Another process has the database open for writing.
        BadFileError: A file in the folders cannot be opened.
    """
    found: list[RawFile] = []
    left_alone: list[LeftAlone] = []
    for folder in (session.settings.raw_path, session.settings.incoming_path):
        files, others = find_files(folder)
        found += files
        left_alone += others
    nothing = DataStatus(False, None, None, (), tuple(found), tuple(left_alone))
    try:
        with session.reading() as connection:
            if count_rows(connection, ["raw.loads"])["raw.loads"] is None:
                return nothing  # only dbt wrote to this database
            data_set = landed_data_set(connection)
            hashes = set(connection.execute("SELECT kind, file_sha256 FROM raw.loads").fetchall())
            return DataStatus(
                has_warehouse=True,
                data_set=data_set,
                today=product_today(connection, session.settings) if data_set else None,
                landed=tuple(_landed_kinds(connection)),
                waiting=tuple(file for file in found if (file.kind, file.sha256()) not in hashes),
                left_alone=tuple(left_alone),
            )
    except NoDataError:
        return nothing


def _landed_kinds(connection: duckdb.DuckDBPyConnection) -> Iterator[LandedKind]:
    for kind, files, restated in connection.execute(
        "SELECT kind, count(DISTINCT file_sha256), sum(rows_restated)::BIGINT FROM raw.loads "
        "GROUP BY kind ORDER BY array_position($kinds, kind)",
        {"kinds": list(FORMATS)},
    ).fetchall():
        table, has_dates = FORMATS[kind].table, FORMATS[kind].has_dates
        dates = "min(date), max(date)" if has_dates else "NULL, NULL"
        # each restatement adds one version to the version that it replaces
        ((rows, first_date, last_date),) = connection.execute(
            f"SELECT count(*) - ?, {dates} FROM {table}",  # noqa: S608 - constants
            [restated],
        ).fetchall()
        quarantined = connection.execute(
            "SELECT reason, count(*) FROM raw.quarantined_rows WHERE kind = ? "
            "GROUP BY reason ORDER BY count(*) DESC, reason",
            [kind],
        ).fetchall()
        yield LandedKind(kind, files, rows, restated, first_date, last_date, dict(quarantined))
