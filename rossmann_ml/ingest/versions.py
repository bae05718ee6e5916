"""Store the new and restated rows of one file in the append-only raw tables.

Entry point: :func:`store_rows`. A row is restated if a row of its key is stored with other values;
the earlier version stays in the table. Names in SQL text come from
:mod:`~rossmann_ml.ingest.formats`, never from a file.
"""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from rossmann_ml.ingest.formats import FIRST_DAY, FileFormat
from rossmann_ml.warehouse.connection import append_frame, read_frame

# The first list of stores has no date: its rows count as known at every forecast origin.
ALWAYS = FIRST_DAY


def store_rows(
    connection: duckdb.DuckDBPyConnection,
    file_format: FileFormat,
    rows: pl.DataFrame,
    *,
    load_id: int,
    first_known_on: date | None,
    known_on: date,
    only_new: bool,
) -> tuple[int, int]:
    """Store the rows of a file that are new or differ from the newest version.

    Args:
        connection: Writing connection inside a transaction.
        file_format: Raw table of the rows, its key and columns.
        rows: Good rows of the file, one per key.
        load_id: Key of the landing in ``raw.loads``.
        first_known_on: Date on which a new row counts as known; None for the row's own date.
        known_on: Date on which a restated row counts as known.
        only_new: Whether to store only rows with new keys, because the file may be older than the
            stored rows; False to store restated rows too.

    Returns:
        Number of rows stored, and number of those that replace an earlier version.
    """
    key = ", ".join(file_format.key)
    offered = ", ".join(f"offered.{name}" for name in file_format.values)
    stored = ", ".join(f"newest.{name}" for name in file_format.values)
    restated = "" if only_new else f"OR row({offered}) IS DISTINCT FROM row({stored})"
    first_known = "$first_known_on::DATE"
    if file_format.has_dates:
        first_known = f"coalesce({first_known}, date)"
    connection.register("offered", rows)
    changes = read_frame(
        connection,
        f"""
        WITH newest AS (
            SELECT * FROM {file_format.table} SEMI JOIN offered USING ({key})
            QUALIFY load_id = max(load_id) OVER (PARTITION BY {key})
        )
        SELECT
            $load_id AS load_id, offered.line_number, {key}, {offered},
            newest.load_id IS NOT NULL AS is_restated,
            CASE WHEN is_restated THEN $known_on ELSE {first_known} END AS known_on
        FROM offered LEFT JOIN newest USING ({key})
        WHERE newest.load_id IS NULL {restated}
        ORDER BY {", ".join(reversed(file_format.key))}
        """,  # noqa: S608
        {"load_id": load_id, "known_on": known_on, "first_known_on": first_known_on},
    )
    connection.unregister("offered")
    append_frame(connection, file_format.table, changes.drop("is_restated"))
    return changes.height, int(changes["is_restated"].sum())
