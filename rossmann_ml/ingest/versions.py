"""Store all rows of one file in the raw tables, count what they change, and keep those in force.

Entry points: :func:`compare_rows`, :func:`store_rows`, :func:`settle`. Rows of replaced or
withdrawn files, and rows that a file of a newer day had before, move to the tables
``raw.former_*`` and come back when they are in force again. Names in SQL text come from
:mod:`~rossmann_ml.ingest.formats`, never from a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.ingest.formats import FIRST_DAY, FileFormat
from rossmann_ml.warehouse.connection import one_row
from rossmann_ml.warehouse.tables import raw

# The first list of stores has no date: its rows count as known at every forecast origin.
ALWAYS = FIRST_DAY


@dataclass(frozen=True)
class RowCounts:
    """Numbers of rows of a file by what they change.

    Attributes:
        landed: Number of rows that come into force: new keys and restated rows.
        restated: Number of landed rows whose key was in force with other values.
        unchanged: Number of rows that equal the row in force.
        repeated: Number of unchanged rows whose row in force is from the replaced edition.
        passed_over: Number of rows that do not come into force, because a file of a newer day has
            their key.
        taken_back: Number of rows of the replaced edition that were in force and that the file
            lacks.
    """

    landed: int
    restated: int
    unchanged: int
    repeated: int
    passed_over: int
    taken_back: int


def compare_rows(
    connection: duckdb.DuckDBPyConnection,
    file_format: FileFormat,
    rows: pl.DataFrame,
    *,
    file_date: date | None,
    replaced: Sequence[int],
    replaced_from: date | None,
) -> RowCounts:
    """Compare the rows of a file, which are not stored yet, with the rows in force.

    Args:
        connection: Connection to the pipeline's database.
        file_format: Raw table of the rows, its key and columns.
        rows: Good rows of the file, one per key.
        file_date: Day of the file; None for lists of stores.
        replaced: Loads of the same file name that the file replaces, still marked as in force.
        replaced_from: First date on which they are replaced; None for all their rows.
    """
    table, key = file_format.table, ", ".join(file_format.key)
    offered = ", ".join(f"offered.{name}" for name in file_format.values)
    stored = ", ".join(f"newest.{name}" for name in file_format.values)
    connection.register("offered", rows)
    taken_back = 0
    if replaced:
        gone = one_row(
            connection,
            f"""
            SELECT count(*) FROM ({raw.newest_rows(table)}) ANTI JOIN offered USING ({key})
            WHERE list_contains($replaced, load_id) AND date >= coalesce($from, date)
            """,  # noqa: S608
            {"replaced": list(replaced), "from": replaced_from},
        )
        taken_back = 0 if gone is None else int(gone[0])
    counts = one_row(
        connection,
        f"""
        WITH newest AS (
            SELECT landed.*, loads.file_date
            FROM {table} AS landed JOIN raw.loads AS loads USING (load_id)
            SEMI JOIN offered USING ({key})
            QUALIFY load_id = max(load_id) OVER (PARTITION BY {key})
        ),
        compared AS (
            SELECT
                newest.load_id IS NULL AS is_new,
                coalesce(list_contains($replaced, newest.load_id), false) AS is_own,
                coalesce(newest.file_date > $file_date AND NOT is_own, false) AS is_passed_over,
                row({offered}) IS NOT DISTINCT FROM row({stored}) AS is_equal
            FROM offered LEFT JOIN newest USING ({key})
        )
        SELECT
            count(*) FILTER (WHERE is_new OR NOT is_passed_over AND NOT is_equal),
            count(*) FILTER (WHERE NOT is_new AND NOT is_passed_over AND NOT is_equal),
            count(*) FILTER (WHERE NOT is_new AND NOT is_passed_over AND is_equal),
            count(*) FILTER (WHERE is_own AND is_equal),
            count(*) FILTER (WHERE is_passed_over)
        FROM compared
        """,  # noqa: S608
        {"file_date": file_date, "replaced": list(replaced)},
    )
    connection.unregister("offered")
    landed, restated, unchanged, repeated, passed_over = counts or (0, 0, 0, 0, 0)
    return RowCounts(landed, restated, unchanged, repeated, passed_over, taken_back)


def store_rows(
    connection: duckdb.DuckDBPyConnection,
    file_format: FileFormat,
    rows: pl.DataFrame,
    *,
    load_id: int,
    known_on: date | None,
) -> None:
    """Store all rows of a file.

    Args:
        connection: Writing connection inside a transaction.
        file_format: Raw table of the rows, its key and columns.
        rows: Good rows of the file, one per key.
        load_id: Key of the landing in ``raw.loads``.
        known_on: Date on which the rows count as known; None for the row's own date.
    """
    known = "coalesce($known_on::DATE, date)" if file_format.has_dates else "$known_on::DATE"
    connection.register("offered", rows)
    connection.execute(
        f"""
        INSERT INTO {file_format.table} BY NAME
        SELECT $load_id AS load_id, line_number, {", ".join(file_format.key)},
            {", ".join(file_format.values)}, {known} AS known_on
        FROM offered ORDER BY {", ".join(reversed(file_format.key))}
        """,  # noqa: S608
        {"load_id": load_id, "known_on": known_on},
    )
    connection.unregister("offered")


def settle(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Move rows between a raw table and its table of former rows, by the marks of their loads.

    A row is in force if its load is, and if no earlier load of a newer file day has its key. Then
    the row with the greatest ``load_id`` is the newest version of its key.

    Args:
        connection: Writing connection inside a transaction.
        table: A key of :data:`rossmann_ml.warehouse.tables.raw.KEYS`.
    """
    key, former = raw.KEYS[table], raw.former(table)
    # of a replaced whole file the days before the new edition's first day stay in force
    before = "OR landed.date < loads.replaced_from" if "date" in key else ""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE moved AS
        WITH landed AS (
            SELECT *, false AS is_former FROM {table}
            UNION ALL BY NAME
            SELECT *, true AS is_former FROM {former}
        ),
        marked AS (
            SELECT landed.*, loads.file_date, loads.withdrawn_on IS NULL {before} AS is_valid
            FROM landed JOIN raw.loads AS loads USING (load_id)
        ),
        judged AS (
            SELECT load_id, {key}, is_former, coalesce(is_valid, false) AND coalesce(
                max(file_date) FILTER (is_valid) OVER (
                    PARTITION BY {key} ORDER BY load_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) <= file_date, true
            ) AS is_in_force
            FROM marked
        )
        SELECT * FROM judged WHERE is_former = is_in_force
        """  # noqa: S608 - names from KEYS
    )
    for source, target, is_former in ((table, former, "false"), (former, table, "true")):
        moving = f"(FROM moved WHERE is_former = {is_former}) AS moving USING (load_id, {key})"
        connection.execute(f"INSERT INTO {target} BY NAME FROM {source} SEMI JOIN {moving}")
    for source, is_former in ((table, "false"), (former, "true")):
        same = " AND ".join(
            f"{source}.{name} = moved.{name}" for name in f"load_id, {key}".split(", ")
        )
        query = f"DELETE FROM {source} USING moved WHERE is_former = {is_former} AND {same}"  # noqa: S608
        connection.execute(query)
    connection.execute("DROP TABLE moved")
