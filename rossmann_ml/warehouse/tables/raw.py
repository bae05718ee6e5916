"""Query schema ``raw``: the landed rows and files, which :mod:`rossmann_ml.ingest` writes."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import one_row, one_value


def data_set(connection: duckdb.DuckDBPyConnection) -> tuple[str, bool] | None:
    """Return the data set's name and whether it is synthetic; None before the first landing."""
    row = one_row(connection, "SELECT name, is_synthetic FROM raw.data_set")
    return None if row is None else (str(row[0]), bool(row[1]))


def is_historical(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the data set is historical, so that its newest sales set the business date."""
    row = one_row(connection, "SELECT is_historical FROM raw.data_set")
    return row is not None and bool(row[0])


def sales_span(connection: duckdb.DuckDBPyConnection) -> tuple[date, date] | None:
    """Return the first and the last day of landed rows of sales; None if no sales were landed."""
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
_SALES = "SELECT store, date FROM raw.sales"


def newest_sales_date(
    connection: duckdb.DuckDBPyConnection, offered: pl.DataFrame | None = None
) -> date | None:
    """Return the newest day with sales rows of most stores; None if there are no sales.

    Args:
        connection: Connection to the pipeline's database.
        offered: Rows of sales (``store``, ``date``) that are about to be landed, which count too.
    """
    if offered is None:
        return one_value(connection, date, _COUNTED_DAYS.format(rows=_SALES))
    connection.register("offered_days", offered.select("store", "date"))
    rows = f"{_SALES} UNION ALL FROM offered_days"
    newest = one_value(connection, date, _COUNTED_DAYS.format(rows=rows))
    connection.unregister("offered_days")
    return newest


def usual_stores(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the number of stores with rows on the newest day of sales; None without sales."""
    row = one_row(connection, _COUNTED_DAYS.format(rows=_SALES))
    return None if row is None or row[1] is None else int(row[1])


def last_plan_date(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the last day with plan rows of most stores; None if no plan was landed."""
    rows = "SELECT store, date FROM raw.plan"
    return one_value(connection, date, _COUNTED_DAYS.format(rows=rows))


def landed_files(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return name and SHA-256 of the files in ``raw.loads``, in the order of landing."""
    rows = connection.execute("SELECT file_name, file_sha256 FROM raw.loads ORDER BY load_id")
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
        "SELECT store FROM raw.sales WHERE sales > 0 GROUP BY store HAVING max(date) < ?", [day]
    )
    return {int(store) for (store,) in rows.fetchall()}
