"""What the monitoring page asks: forecasts against what came true, runs, and later tables."""

from __future__ import annotations

from datetime import date
from typing import Any

from app.published import Reading

Row = dict[str, Any]

LATER_TABLES = ("api_usage",)
"""Tables that only later versions of the product publish."""


def accuracy(reading: Reading, segment_kind: str) -> list[Row]:
    """Accuracy of forecasts that have come true, by origin and segment."""
    return reading.rows(
        """
        SELECT * FROM forecast_accuracy WHERE segment_kind = ?
        ORDER BY forecast_origin, segment
        """,
        [segment_kind],
    )


def forecast_and_actual(reading: Reading, origin: date) -> list[Row]:
    """Sums by day of the stores that sold, forecast at an origin and as it came.

    Returns:
        ``target_date, stores, forecast, actual`` (EUR) of days whose sales are known; store-days
        without known sales, or closed, are in neither sum.
    """
    return reading.rows(
        """
        SELECT f.target_date, count(*) AS stores, sum(f.sales_forecast) AS forecast,
            sum(s.sales) AS actual
        FROM forecasts AS f
        JOIN daily_sales AS s ON s.store_id = f.store_id AND s.sales_date = f.target_date
        WHERE f.forecast_origin = $origin AND f.scenario = 'planned'
            AND s.sales_date > $origin AND s.is_open AND s.sales > 0
        GROUP BY f.target_date ORDER BY f.target_date
        """,
        {"origin": origin},
    )


def runs(reading: Reading) -> list[Row]:
    """The scoring runs, the newest first, with what they made and how long they took."""
    return reading.rows(
        """
        SELECT *, epoch(finished_at - started_at) AS seconds FROM forecast_runs
        ORDER BY finished_at DESC, run_id
        """
    )


def newest_rows(reading: Reading, table: str, most: int) -> list[Row]:
    """The last rows of one of ``LATER_TABLES``, the newest first where it has a time.

    Raises:
        ValueError: Another table is asked for.
    """
    if table not in LATER_TABLES:
        raise ValueError(f"{table!r} is not one of {LATER_TABLES}")
    timed = reading.row(
        """
        SELECT column_name FROM duckdb_columns()
        WHERE table_name = ? AND (data_type LIKE 'TIMESTAMP%' OR data_type = 'DATE')
        ORDER BY data_type = 'DATE', column_index LIMIT 1
        """,
        [table],
    )
    order = f'ORDER BY "{timed["column_name"]}" DESC' if timed else ""
    return reading.rows(f"SELECT * FROM {table} {order} LIMIT ?", [most])  # noqa: S608
