"""Report landed rows, quarantined rows and files that are not landed yet; read-only.

Entry point: :func:`data_status`. Checks of freshness and completeness
are in :mod:`rossmann_ml.quality`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import duckdb

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.ingest.data_set import DataSet, landed_data_set
from rossmann_ml.ingest.discovery import LeftAlone, RawFile, find_files
from rossmann_ml.ingest.editions import fate_of
from rossmann_ml.ingest.formats import FORMATS, Kind
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import count_rows
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import marts


@dataclass(frozen=True)
class LandedKind:
    """Numbers of files and rows that were landed into one raw table.

    Attributes:
        kind: Kind of the files that land in the table.
        files: Number of files with rows in force.
        rows: Number of rows in force.
        versions_restated: Number of rows that replaced the row of an earlier file in force, or of a
            former edition.
        first_date: Oldest date; None for files without dates.
        last_date: Newest date; None for files without dates.
        quarantined: Number of quarantined rows in the files in force, by reason.
        rows_taken_back: Number of rows that corrected files no longer had.
        newest_files: Names of the newest files in force, newest file day first, at most five.
    """

    kind: Kind
    files: int
    rows: int
    versions_restated: int
    first_date: date | None
    last_date: date | None
    quarantined: dict[str, int]
    rows_taken_back: int = 0
    newest_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class WithdrawnFile:
    """A file that a person withdrew.

    Attributes:
        file_name: Name of the file without its folder.
        withdrawn_on: Business date of the withdrawal.
        because: Who withdrew it and why.
    """

    file_name: str
    withdrawn_on: date
    because: str


@dataclass(frozen=True)
class DataStatus:
    """Landed rows of every kind of file, and the files in the raw and the incoming folder.

    Attributes:
        has_warehouse: Whether the database exists with its raw tables.
        data_set: Data set in the warehouse; None before the first landing.
        today: Business date; None before the first landing.
        landed: Counts of each kind of file that was landed.
        waiting: Files in the two folders that the next landing reads.
        left_alone: Other files and folders in them, which are not landed, with the reason.
        withdrawn: Files that a person withdrew, newest withdrawal first.
        filling_accuracy: Share of past store-days on which the rules that fill gaps of the plan
            were right, by column of the plan; empty before the first forecast.
    """

    has_warehouse: bool
    data_set: DataSet | None
    today: date | None
    landed: tuple[LandedKind, ...]
    waiting: tuple[RawFile, ...]
    left_alone: tuple[LeftAlone, ...]
    filling_accuracy: dict[str, float] = field(default_factory=dict)
    withdrawn: tuple[WithdrawnFile, ...] = ()


def data_status(session: Session) -> DataStatus:
    """Return the status of the warehouse and of the raw and incoming folders.

    Raises:
        BusyError: Another process has the database open for writing.
        BadFileError: A file in the folders cannot be opened.
    """
    found: list[RawFile] = []
    left_alone: list[LeftAlone] = []
    for folder in (session.settings.raw_path, session.settings.incoming_path):
        files, others = find_files(folder, may_link=folder == session.settings.raw_path)
        for file in files:
            why = file.too_large(session.params.ingest.max_file_mb)
            left_alone += [LeftAlone(file.path, why)] if why else []
            found += [] if why else [file]
        left_alone += others
    nothing = DataStatus(False, None, None, (), tuple(found), tuple(left_alone))
    try:
        with session.reading() as connection:
            if count_rows(connection, ["raw.loads"])["raw.loads"] is None:
                return nothing  # only dbt wrote to this database
            data_set = landed_data_set(connection)
            return DataStatus(
                has_warehouse=True,
                data_set=data_set,
                today=product_today(connection, session.settings) if data_set else None,
                landed=tuple(_landed_kinds(connection)),
                waiting=tuple(
                    file for file in found if fate_of(connection, file, file.sha256())[0] == "new"
                ),
                left_alone=tuple(left_alone),
                filling_accuracy=marts.plan_filling_accuracy(connection),
                withdrawn=tuple(_withdrawn_files(connection)),
            )
    except NoDataError:
        return nothing


def _landed_kinds(connection: duckdb.DuckDBPyConnection) -> Iterator[LandedKind]:
    for kind, files, restated, taken_back, names in connection.execute(
        """
        WITH files AS (
            SELECT kind, file_name, sum(rows_restated) AS restated,
                sum(rows_taken_back) AS taken_back,
                max(coalesce(file_date, DATE '0001-01-01')) AS newest
            FROM raw.loads WHERE withdrawn_on IS NULL OR replaced_from > first_date
            GROUP BY kind, file_name
        )
        SELECT kind, count(*), sum(restated)::BIGINT, coalesce(sum(taken_back), 0)::BIGINT,
            list(file_name ORDER BY newest DESC, file_name)
        FROM files GROUP BY kind ORDER BY array_position($kinds, kind)
        """,
        {"kinds": list(FORMATS)},
    ).fetchall():
        table, has_dates = FORMATS[kind].table, FORMATS[kind].has_dates
        key = f"({', '.join(FORMATS[kind].key)})"
        dates = "min(date), max(date)" if has_dates else "NULL, NULL"
        ((rows, first_date, last_date),) = connection.execute(
            f"SELECT count(DISTINCT {key}), {dates} FROM {table}"  # noqa: S608
        ).fetchall()
        quarantined = connection.execute(
            "SELECT reason, count(*) FROM raw.quarantined_rows WHERE load_id IN ("
            "SELECT max(load_id) FROM raw.loads WHERE kind = ? AND withdrawn_on IS NULL "
            "GROUP BY file_name) GROUP BY reason ORDER BY count(*) DESC, reason",
            [kind],
        ).fetchall()
        yield LandedKind(
            kind, files, rows, restated, first_date, last_date, dict(quarantined),
            taken_back, tuple(names[:5]),
        )  # fmt: skip


def _withdrawn_files(connection: duckdb.DuckDBPyConnection) -> Iterator[WithdrawnFile]:
    for row in connection.execute(
        "SELECT file_name, withdrawn_on, withdrawn_because FROM raw.loads "
        "WHERE withdrawn_on IS NOT NULL AND replaced_by IS NULL ORDER BY withdrawn_at DESC"
    ).fetchall():
        yield WithdrawnFile(*row)
