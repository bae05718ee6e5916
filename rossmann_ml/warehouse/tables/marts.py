"""Query schema ``marts``: tables that dbt builds from the forecasts for readers."""

from __future__ import annotations

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import count_rows, read_frame


def overall_accuracy(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the accuracy of each vintage over all its store-days, newest origin first.

    Returns:
        All columns of ``marts.forecast_accuracy``, one row per origin, kind of forecast (served,
        backfilled or shadow) and model.
    """
    return read_frame(
        connection,
        """
        SELECT * FROM marts.forecast_accuracy WHERE segment_kind = 'overall'
        ORDER BY forecast_origin DESC, forecast_kind, model_version
        """,
    )


def worst_day_reasons(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Count the store-days with the largest errors of served forecasts, by reason of the error.

    The largest are up to 200 errors in percent, and up to 200 errors in EUR, in the 28 days up to
    the newest forecast day with sales rows.

    Returns:
        Columns ``ranked_by`` (``relative``: by errors in percent; ``eur``: by errors in EUR),
        ``reason``, ``store_days``, sorted by ``ranked_by`` (``relative`` first), then the most
        frequent reason first.
    """
    return read_frame(
        connection,
        """
        SELECT ranked_by, reason, count(*) AS store_days FROM marts.forecast_worst_days
        GROUP BY ALL ORDER BY ranked_by DESC, store_days DESC, reason
        """,
    )


def live_accuracy(
    connection: duckdb.DuckDBPyConnection, *, window_days: int, min_days: int
) -> list[tuple[str, str, int, float, float, float, float]]:
    """Return the accuracy of recent served vintages together, by segment.

    All forecasts weigh the same; a store-day that several vintages forecast counts once for each.

    Args:
        connection: Connection to the pipeline's database.
        window_days: Largest number of days from a vintage's forecast origin to the newest day with
            actuals; older vintages are ignored.
        min_days: Number of days with actuals that at least one of the vintages must have in a
            segment; otherwise the segment is left out.

    Returns:
        Tuples of segment kind (``overall``, ``store_type`` or ``state``), segment, number of
        store-days, MAPE, RMSPE, coverage of the 80% and of the 95% interval, sorted by segment kind
        and segment.
    """
    rows = connection.execute(
        """
        SELECT
            segment_kind, segment, sum(store_days),
            sum(mape * store_days) / sum(store_days),
            sqrt(sum(rmspe * rmspe * store_days) / sum(store_days)),
            sum(coverage_80 * store_days) / sum(store_days),
            sum(coverage_95 * store_days) / sum(store_days)
        FROM marts.forecast_accuracy
        WHERE forecast_kind = 'served'
            AND segment_kind IN ('overall', 'store_type', 'state') AND forecast_origin >=
            (SELECT max(last_target_date) FROM marts.forecast_accuracy) - $window_days::INTEGER
        GROUP BY segment_kind, segment
        HAVING max(days) >= $min_days
        ORDER BY segment_kind, segment
        """,
        {"window_days": window_days, "min_days": min_days},
    )
    return rows.fetchall()  # type: ignore[no-any-return]


def store_segments(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the segments of all stores: ``store_id, store_type, state`` (``unknown`` if missing)."""
    return read_frame(
        connection,
        "SELECT store_id, store_type, coalesce(state, 'unknown') AS state FROM marts.stores",
    )


def plan_filling_accuracy(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Return the share of past store-days on which the filling rules were right, by plan column.

    The dictionary is empty before dbt built the marts, and without past origins to compare.
    """
    table = "marts.plan_filling_accuracy"
    if count_rows(connection, [table]) == {table: None}:
        return {}
    rows = connection.execute(
        "SELECT plan_column, sum(store_days_right) / sum(store_days) "
        "FROM marts.plan_filling_accuracy GROUP BY plan_column ORDER BY plan_column"
    )
    return {str(column): float(share) for column, share in rows.fetchall()}
