"""Store the new and restated rows of one file in the append-only raw tables.

Entry point: :class:`Staging`. Rows are staged, rows that contradict each other are quarantined,
and only rows that are new or differ from the newest version are stored. SQL text contains names
from :mod:`~rossmann_ml.ingest.formats` only, never text from a file.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.ingest.checks import CONFLICTING_ROWS
from rossmann_ml.ingest.formats import FileFormat
from rossmann_ml.ingest.reading import read_lines
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
            f"CREATE OR REPLACE TEMP TABLE staged (line_number BIGINT, {columns})"
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
        return self._count("SELECT (SELECT count(*) FROM staged) + count(*) FROM quarantined")

    def resolve_repeated_keys(self) -> None:
        """Keep the first of identical rows, and quarantine all rows that contradict each other."""
        key, values = ", ".join(self._format.key), ", ".join(self._format.values)
        self._connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE repeated AS
            WITH twice AS (
                SELECT {key} FROM staged GROUP BY {key} HAVING count(*) > 1
            ),
            resolved AS (
                SELECT
                    {key},
                    min(line_number) AS first_line,
                    count(DISTINCT row({values})) > 1 AS is_conflict
                FROM staged SEMI JOIN twice USING ({key})
                GROUP BY {key}
            )
            SELECT line_number, is_conflict
            FROM staged JOIN resolved USING ({key})
            WHERE is_conflict OR line_number > first_line
            """  # noqa: S608
        )
        if not self._count("SELECT count(*) FROM repeated"):
            return
        self._connection.execute(
            "DELETE FROM staged WHERE line_number IN (SELECT line_number FROM repeated)"
        )
        self._connection.execute(
            "INSERT INTO quarantined SELECT line_number, ?, ?, '' FROM repeated WHERE is_conflict",
            [_key_columns(self._format), CONFLICTING_ROWS],
        )

    def dates(self) -> tuple[date | None, date | None]:
        """Return the oldest and newest date of the good rows; None for files without dates."""
        if not self._format.has_dates:
            return None, None
        ((first, last),) = self._connection.execute(
            "SELECT min(date), max(date) FROM staged"
        ).fetchall()
        return first, last

    def quarantined_by_reason(self) -> list[tuple[str, str | None, int, int]]:
        """Return reason, column, number of rows and first line, most frequent reason first."""
        rows: list[tuple[str, str | None, int, int]] = self._connection.execute(
            "SELECT reason, column_name, count(*), min(line_number) FROM quarantined "
            "GROUP BY reason, column_name ORDER BY count(*) DESC, min(line_number)"
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
        first_date, last_date = self.dates()
        window = "WHERE date BETWEEN $first AND $last" if first_date is not None else ""
        self._connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE changes AS
            WITH newest_loads AS (
                SELECT {key}, max(load_id) AS load_id FROM {table} {window} GROUP BY {key}
            ),
            newest AS (
                SELECT landed.* FROM {table} AS landed JOIN newest_loads USING ({key}, load_id)
            )
            SELECT staged.*, newest.load_id IS NOT NULL AS is_restated
            FROM staged LEFT JOIN newest USING ({key})
            WHERE newest.load_id IS NULL OR row({offered}) IS DISTINCT FROM row({stored})
            """,  # noqa: S608
            {"first": first_date, "last": last_date} if window else None,
        )
        if only_new:
            self._connection.execute("DELETE FROM changes WHERE is_restated")
        first_known = "date" if first_known_on is None else "$first_known_on"
        parameters: dict[str, object] = {"load_id": load_id, "known_on": known_on}
        if first_known_on is not None:
            parameters["first_known_on"] = first_known_on
        self._connection.execute(
            f"""
            INSERT INTO {table} (load_id, line_number, {columns}, known_on)
            SELECT
                $load_id, line_number, {columns},
                CASE WHEN is_restated THEN $known_on ELSE {first_known} END
            FROM changes
            ORDER BY {", ".join(reversed(self._format.key))}
            """,  # noqa: S608
            parameters,
        )
        return (
            self._count("SELECT count(*) FROM changes"),
            self._count("SELECT count(*) FROM changes WHERE is_restated"),
        )

    def store_quarantined(self, load_id: int, path: Path) -> None:
        """Write the quarantined rows to ``raw.quarantined_rows``, each with its line's text."""
        numbers = self._connection.execute(
            "SELECT line_number FROM quarantined WHERE reason = ?", [CONFLICTING_ROWS]
        ).fetchall()
        texts = read_lines(path, (number for (number,) in numbers))
        found = pl.DataFrame(
            {"line_number": list(texts), "found_text": list(texts.values())},
            schema={"line_number": pl.Int64, "found_text": pl.String},
        )
        self._connection.register("conflicting_lines", found)
        self._connection.execute(
            """
            INSERT INTO raw.quarantined_rows
            SELECT
                $load_id, $kind, $file_name, line_number, column_name, reason,
                coalesce(found_text, row_text), now() AT TIME ZONE 'UTC'
            FROM quarantined LEFT JOIN conflicting_lines USING (line_number)
            ORDER BY line_number
            """,
            {"load_id": load_id, "kind": self._format.kind, "file_name": path.name},
        )
        self._connection.unregister("conflicting_lines")

    def _count(self, query: str) -> int:
        return one_value(self._connection, int, query) or 0


def _key_columns(file_format: FileFormat) -> str:
    return ", ".join(
        column.name for column in file_format.columns if column.target in file_format.key
    )
