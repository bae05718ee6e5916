"""Store the new and restated rows of one file in the append-only raw tables.

Entry point: :class:`Staging`. Rows are staged, rows that contradict each other are quarantined,
and only rows that are new or differ from the newest version are stored. SQL text contains names
from :mod:`~rossmann_ml.ingest.formats` only, never text from a file.
"""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from rossmann_ml.ingest.checks import CONFLICTING_ROWS
from rossmann_ml.ingest.formats import FileFormat
from rossmann_ml.warehouse.connection import one_value

# The first list of stores has no date: its rows count as known at every forecast origin.
ALWAYS = date(1990, 1, 1)

_SQL_TYPES = {
    "whole": "INTEGER",
    "flag": "INTEGER",
    "number": "DOUBLE",
    "day": "DATE",
    "code": "VARCHAR",
    "text": "VARCHAR",
}


class Staging:
    """Temporary tables with the rows of one file, inside an open transaction.

    A context manager: leaving the block drops the tables. Rows stored in the raw tables by then
    are committed or rolled back with the transaction.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, file_format: FileFormat) -> None:
        self._connection = connection
        self._format = file_format

    def __enter__(self) -> Staging:
        # spelled out, not `AS SELECT ... LIMIT 0`: DuckDB 2.0.0 then shows no rows at all to
        # the transaction that fills the table in several inserts
        columns = ", ".join(
            f"{column.target} {_SQL_TYPES[column.content]}" for column in self._format.columns
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE staged (line_number BIGINT, row_text VARCHAR, {columns})"
        )
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE quarantined "
            "(line_number BIGINT, column_name VARCHAR, reason VARCHAR, row_text VARCHAR)"
        )
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:  # after an error the rollback removes them
            for table in ("staged", "quarantined", "repeated", "changes"):
                self._connection.execute(f"DROP TABLE IF EXISTS temp.{table}")

    def add(self, good: pl.DataFrame, bad: pl.DataFrame) -> None:
        """Stage the checked rows of a block, good and bad."""
        for table, rows in (("staged", good), ("quarantined", bad)):
            if rows.height:
                self._connection.register("block", rows)
                self._connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM block")  # noqa: S608
                self._connection.unregister("block")

    def rows(self) -> int:
        """Return the number of staged rows, good and bad."""
        query = "SELECT (SELECT count(*) FROM staged) + count(*) FROM quarantined"
        return one_value(self._connection, int, query) or 0

    def resolve_repeated_keys(self) -> None:
        """Keep the first of identical rows, and quarantine all rows that contradict each other."""
        key, values = ", ".join(self._format.key), ", ".join(self._format.values)
        self._connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE repeated AS
            WITH twice AS (
                SELECT {key} FROM staged GROUP BY {key} HAVING count(*) > 1
            )
            SELECT
                line_number, row_text,
                count(DISTINCT row({values})) OVER same_key > 1 AS is_conflict,
                row_number() OVER (same_key ORDER BY line_number) > 1 AS is_later
            FROM staged SEMI JOIN twice USING ({key})
            WINDOW same_key AS (PARTITION BY {key})
            QUALIFY is_conflict OR is_later
            """  # noqa: S608
        )
        self._connection.execute(
            "DELETE FROM staged WHERE line_number IN (SELECT line_number FROM repeated)"
        )
        columns = [
            column.name for column in self._format.columns if column.target in self._format.key
        ]
        self._connection.execute(
            "INSERT INTO quarantined SELECT line_number, ?, ?, row_text FROM repeated "
            "WHERE is_conflict",
            [", ".join(columns), CONFLICTING_ROWS],
        )

    def dates(self) -> tuple[date | None, date | None]:
        """Return the oldest and newest date of the good rows; None for files without dates."""
        if not self._format.has_dates:
            return None, None
        ((first, last),) = self._connection.execute(
            "SELECT min(date), max(date) FROM staged"
        ).fetchall()
        return first, last

    def quarantined_by_reason(self) -> list[tuple[str, str | None, int, int, str]]:
        """Return reason, column, number of rows, and number and text of the first line.

        The most frequent reason is the first.
        """
        rows: list[tuple[str, str | None, int, int, str]] = self._connection.execute(
            """
            SELECT
                reason, column_name, count(*), min(line_number), arg_min(row_text, line_number)
            FROM quarantined
            GROUP BY reason, column_name ORDER BY count(*) DESC, min(line_number)
            """
        ).fetchall()
        return rows

    def store(
        self,
        load_id: int,
        *,
        first_known_on: date | None,
        known_on: date,
        only_new: bool,
    ) -> tuple[int, int]:
        """Store the staged rows that are new or differ from the newest version.

        Args:
            load_id: Key of the load in ``raw.loads``.
            first_known_on: Date on which a new row counts as known; None for the row's own date.
            known_on: Date on which a restated row counts as known.
            only_new: Whether to skip restatements, because the file may be older than the stored
                rows.

        Returns:
            Number of rows stored, and number of those that replace an earlier version.
        """
        table, key = self._format.table, ", ".join(self._format.key)
        columns = ", ".join(self._format.targets)
        offered = ", ".join(f"staged.{name}" for name in self._format.values)
        stored = ", ".join(f"newest.{name}" for name in self._format.values)
        restated = f"OR row({offered}) IS DISTINCT FROM row({stored})"
        self._connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE changes AS
            WITH newest AS (
                SELECT * FROM {table} SEMI JOIN staged USING ({key})
                QUALIFY load_id = max(load_id) OVER (PARTITION BY {key})
            )
            SELECT staged.*, newest.load_id IS NOT NULL AS is_restated
            FROM staged LEFT JOIN newest USING ({key})
            WHERE newest.load_id IS NULL {"" if only_new else restated}
            """  # noqa: S608
        )
        first_known = "$first_known_on::DATE"
        if self._format.has_dates:
            first_known = f"coalesce({first_known}, date)"
        self._connection.execute(
            f"""
            INSERT INTO {table} (load_id, line_number, {columns}, known_on)
            SELECT
                $load_id, line_number, {columns},
                CASE WHEN is_restated THEN $known_on ELSE {first_known} END
            FROM changes
            ORDER BY {", ".join(reversed(self._format.key))}
            """,  # noqa: S608
            {"load_id": load_id, "known_on": known_on, "first_known_on": first_known_on},
        )
        ((rows, rows_restated),) = self._connection.execute(
            "SELECT count(*), count(*) FILTER (is_restated) FROM changes"
        ).fetchall()
        return rows, rows_restated

    def store_quarantined(self, load_id: int, file_name: str) -> None:
        """Write the quarantined rows to ``raw.quarantined_rows``."""
        self._connection.execute(
            """
            INSERT INTO raw.quarantined_rows
            SELECT
                $load_id, $kind, $file_name, line_number, column_name, reason, row_text,
                now() AT TIME ZONE 'UTC'
            FROM quarantined ORDER BY line_number
            """,
            {"load_id": load_id, "kind": self._format.kind, "file_name": file_name},
        )
