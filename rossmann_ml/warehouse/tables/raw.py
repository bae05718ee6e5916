"""Query schema ``raw``: the landed rows and files, which :mod:`rossmann_ml.ingest` writes.

Rows that are not in force are in the tables ``raw.former_*`` (:mod:`rossmann_ml.ingest.versions`).
Entry point for rows in their newest version: :func:`newest_rows`, which returns SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import one_row, one_value

KEYS = {
    "raw.sales": "store, date",
    "raw.plan": "store, date",
    "raw.stores": "store",
    "raw.store_states": "store",
    "raw.holidays": "date, state",
}
"""Key columns of the tables that hold rows of files."""


def newest_rows(table: str) -> str:
    """Return SQL for the newest version of each row in force.

    Args:
        table: A key of :data:`KEYS`.
    """
    return f"SELECT * FROM {table} QUALIFY load_id = max(load_id) OVER (PARTITION BY {KEYS[table]})"  # noqa: S608


def former(table: str) -> str:
    """Return the name of the table of the rows of `table` that are not in force.

    Args:
        table: A key of :data:`KEYS`.
    """
    return table.replace("raw.", "raw.former_")


def data_set(connection: duckdb.DuckDBPyConnection) -> tuple[str, bool] | None:
    """Return the data set's name and whether it is synthetic; None before the first landing."""
    row = one_row(connection, "SELECT name, is_synthetic FROM raw.data_set")
    return None if row is None else (str(row[0]), bool(row[1]))


def is_historical(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the data set is historical, so that its newest sales set the business date.

    The result is False before the first landing.
    """
    row = one_row(connection, "SELECT is_historical FROM raw.data_set")
    return row is not None and bool(row[0])


def sales_span(connection: duckdb.DuckDBPyConnection) -> tuple[date, date] | None:
    """Return the first and the newest day with sales in force; None if there are none."""
    row = one_row(connection, "SELECT min(date), max(date) FROM raw.sales")
    return None if row is None or row[0] is None else (row[0], row[1])


# A day counts if it has rows of at least half of the most stores that any day of the year before it
# (364 days with rows) had: a few rows with a wrong date, or one store's longer plan, move neither
# the business date nor the end of the plan. The macro product_today of dbt has the same rule.
_COUNTED_DAYS = """
    WITH days AS (
        SELECT date, count(DISTINCT store) AS stores FROM ({rows}) AS landed GROUP BY date
    ),
    judged AS (
        SELECT *, max(stores) OVER (
            ORDER BY date ROWS BETWEEN 364 PRECEDING AND 1 PRECEDING
        ) AS most_stores
        FROM days
    )
    SELECT max(date), arg_max(stores, date) FROM judged
    WHERE stores >= coalesce(most_stores, 0) / 2
"""


def newest_sales_date(
    connection: duckdb.DuckDBPyConnection,
    offered: pl.DataFrame | None = None,
    *,
    replaced: Sequence[int] = (),
    replaced_from: date | None = None,
) -> date | None:
    """Return the newest day with sales rows of most stores; None if there are no sales.

    Args:
        connection: Connection to the pipeline's database.
        offered: Rows of sales (``store``, ``date``) that are about to be landed, which count too.
        replaced: Loads that are about to be replaced, whose rows do not count.
        replaced_from: First date of their rows that are replaced; None for all their rows.
    """
    rows = (
        "SELECT store, date FROM raw.sales "
        "WHERE NOT list_contains($replaced, load_id) OR date < $replaced_from"
    )
    parameters = {"replaced": list(replaced), "replaced_from": replaced_from}
    if offered is None:
        return one_value(connection, date, _COUNTED_DAYS.format(rows=rows), parameters)
    connection.register("offered_days", offered.select("store", "date"))
    rows += " UNION ALL FROM offered_days"
    newest = one_value(connection, date, _COUNTED_DAYS.format(rows=rows), parameters)
    connection.unregister("offered_days")
    return newest


def usual_stores(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the number of stores with rows on the newest day of sales; None without sales."""
    row = one_row(connection, _COUNTED_DAYS.format(rows="SELECT store, date FROM raw.sales"))
    return None if row is None or row[1] is None else int(row[1])


def plan_end(
    connection: duckdb.DuckDBPyConnection, newest_sales: date, min_share: float
) -> date | None:
    """Return the end of the plan: the last day that enough of the active stores have a plan of.

    A few stores whose plan reaches further, or a single mistyped date, do not move it.

    Args:
        connection: Connection to the warehouse.
        newest_sales: Newest day with sales; a store is active if it sold in the 28 days up to it.
        min_share: Smallest share of the active stores that must have a plan of the day.

    Returns:
        The day; None if no day has a plan of enough stores.
    """
    return one_value(
        connection,
        date,
        """
        WITH active AS (
            SELECT DISTINCT store FROM raw.sales
            WHERE sales > 0 AND date <= $newest AND date > $newest - 28
        )
        SELECT max(date) FROM (
            SELECT date FROM raw.plan SEMI JOIN active USING (store)
            GROUP BY date
            HAVING count(DISTINCT store) >= $share * (SELECT count(*) FROM active)
        )
        """,
        {"newest": newest_sales, "share": min_share},
    )


def has_plan(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether any row of a plan was landed."""
    return one_row(connection, "SELECT 1 FROM raw.plan LIMIT 1") is not None


def landed_files(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return name and SHA-256 of the files with rows in force, in the order of landing."""
    rows = connection.execute(
        "SELECT file_name, file_sha256 FROM raw.loads "
        "WHERE withdrawn_on IS NULL OR replaced_from > first_date ORDER BY load_id"
    )
    return [(str(name), str(sha256)) for name, sha256 in rows.fetchall()]


def newest_load_id(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the key of the newest landing in ``raw.loads``; None before the first landing."""
    return one_value(connection, int, "SELECT max(load_id) FROM raw.loads")


def newest_landing(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the UTC time of the newest landing in ``raw.loads``; None before the first landing."""
    return one_value(connection, datetime, "SELECT max(loaded_at) FROM raw.loads")


def stores_without_sales_since(connection: duckdb.DuckDBPyConnection, day: date) -> set[int]:
    """Return the numbers of the stores that sold before `day` and have no sales from `day` on."""
    rows = connection.execute(
        "SELECT store FROM raw.sales WHERE sales > 0 GROUP BY store HAVING max(date) < ?",
        [day],
    )
    return {int(store) for (store,) in rows.fetchall()}


def files_out_of_force(
    connection: duckdb.DuckDBPyConnection,
) -> list[tuple[str, datetime, datetime, str]]:
    """Return the replaced and withdrawn files, to find what was computed from them.

    Returns:
        Tuples of file name, UTC times of landing and of withdrawal, and the reason.
    """
    return connection.execute(  # type: ignore[no-any-return]
        "SELECT file_name, loaded_at, withdrawn_at, withdrawn_because FROM raw.loads "
        "WHERE withdrawn_on IS NOT NULL ORDER BY load_id"
    ).fetchall()
