"""Query schema ``raw``: the landed rows and files, which :mod:`rossmann_ml.ingest` writes.

Rows of replaced and withdrawn files stay in the tables but are not in force. Entry points for rows:
:func:`rows_in_force` and :func:`newest_rows`, which return SQL.
"""

from __future__ import annotations

from datetime import date, datetime

import duckdb

from rossmann_ml.warehouse.connection import one_row, one_value

KEYS = {
    "raw.sales": "store, date",
    "raw.plan": "store, date",
    "raw.stores": "store",
    "raw.store_states": "store",
}
"""Key columns of the tables that hold rows of files."""


def rows_in_force(table: str) -> str:
    """Return SQL for the rows of the files in force, every version of them, with ``file_date``.

    Args:
        table: A key of :data:`KEYS`.
    """
    # of a replaced whole file the days before the new edition's first day stay in force
    before = "OR landed.date < loads.replaced_from" if "date" in KEYS[table] else ""
    return (
        f"SELECT landed.*, loads.file_date FROM {table} AS landed "  # noqa: S608 - names from KEYS
        f"JOIN raw.loads AS loads USING (load_id) WHERE (loads.withdrawn_on IS NULL {before})"
    )


def newest_rows(table: str) -> str:
    """Return SQL for the row in force of each key: newest file day first, then newest load.

    Args:
        table: A key of :data:`KEYS`.
    """
    return (
        f"SELECT * FROM ({rows_in_force(table)}) QUALIFY row_number() OVER "  # noqa: S608
        f"(PARTITION BY {KEYS[table]} ORDER BY file_date DESC NULLS LAST, load_id DESC) = 1"
    )


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
    sales = rows_in_force("raw.sales")
    row = one_row(connection, f"SELECT min(date), max(date) FROM ({sales})")  # noqa: S608
    return None if row is None or row[0] is None else (row[0], row[1])


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
        f"""
        WITH active AS (
            SELECT DISTINCT store FROM ({rows_in_force("raw.sales")})
            WHERE sales > 0 AND date <= $newest AND date > $newest - 28
        )
        SELECT max(date) FROM (
            SELECT date FROM ({rows_in_force("raw.plan")}) SEMI JOIN active USING (store)
            GROUP BY date
            HAVING count(DISTINCT store) >= $share * (SELECT count(*) FROM active)
        )
        """,  # noqa: S608 - names from KEYS
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
        f"SELECT store FROM ({rows_in_force('raw.sales')}) WHERE sales > 0 "  # noqa: S608
        "GROUP BY store HAVING max(date) < ?",
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
