"""Query data for the monitoring page: accuracy, API usage, runs, alerts and drift."""

from __future__ import annotations

from datetime import date

from app.published import Reading
from app.queries import Row


def accuracy(reading: Reading, forecast_kind: str) -> list[Row]:
    """Return the overall accuracy of the forecasts from each origin, ordered by origin.

    Origins without actual sales are omitted.

    Args:
        reading: Access to the generation.
        forecast_kind: ``served`` or ``shadow``.
    """
    return reading.rows(
        """
        SELECT * FROM forecast_accuracy
        WHERE segment_kind = 'overall' AND forecast_kind = ?
        ORDER BY forecast_origin
        """,
        [forecast_kind],
    )


def accuracy_by_segment(reading: Reading, origin: date, segment_kind: str) -> list[Row]:
    """Return the RMSPE by segment for three forecasts: served, in the backtest, seasonal naive.

    Returns:
        ``model`` (``served``, ``backtest`` or ``seasonal naive``), ``is_own`` (true if served),
        ``segment, rmspe_median``, sorted by model in this order, then by segment. Segments whose
        RMSPE is unknown are omitted.
    """
    return reading.rows(
        """
        WITH served AS (
            SELECT * FROM forecast_accuracy
            WHERE forecast_origin = $origin AND segment_kind = $segment_kind
                AND forecast_kind = 'served'
        )
        FROM (
            SELECT 0 AS number, 'served' AS model, true AS is_own, segment, rmspe AS rmspe_median
            FROM served
            UNION ALL SELECT 1, 'backtest', false, segment, backtest_rmspe FROM served
            UNION ALL SELECT 2, 'seasonal naive', false, segment, rmspe_seasonal_naive FROM served
        )
        SELECT * EXCLUDE (number) WHERE rmspe_median IS NOT NULL
        ORDER BY number, try_cast(segment AS INTEGER), segment
        """,
        {"origin": origin, "segment_kind": segment_kind},
    )


def worst_days(reading: Reading, ranked_by: str, rows: int) -> list[Row]:
    """Return at most ``rows`` store-days with the largest errors, largest error first.

    ``ranked_by`` is the error that is compared: ``relative`` or ``eur``.
    """
    return reading.rows(
        "SELECT * FROM forecast_worst_days WHERE ranked_by = ? ORDER BY place LIMIT ?",
        [ranked_by, rows],
    )


def worst_reasons(reading: Reading, ranked_by: str) -> list[Row]:
    """Count the reasons for the largest forecast errors, most frequent reason first.

    ``ranked_by`` is the error by which the store-days were chosen: ``relative`` or ``eur``.

    Returns:
        ``reason`` and ``store_days``, the number of store-days with this reason.
    """
    return reading.rows(
        """
        SELECT reason, count(*) AS store_days FROM forecast_worst_days WHERE ranked_by = ?
        GROUP BY reason ORDER BY store_days DESC, reason
        """,
        [ranked_by],
    )


def usage_by_day(reading: Reading, days: int) -> list[Row]:
    """Return the API usage on the newest ``days`` days, ordered by day."""
    return reading.rows(
        """
        FROM (
            SELECT * FROM api_usage WHERE path = 'all' ORDER BY usage_date DESC LIMIT ?
        ) ORDER BY usage_date
        """,
        [days],
    )


def usage_by_path(reading: Reading, since: date) -> list[Row]:
    """Return the API usage since a day, one row per path, path with the most requests first.

    Latencies are those of the slowest day.
    """
    return reading.rows(
        """
        SELECT path, sum(requests)::BIGINT AS requests, max(latency_p50_ms) AS latency_p50_ms,
            max(latency_p99_ms) AS latency_p99_ms, sum(client_errors)::BIGINT AS client_errors,
            sum(server_errors)::BIGINT AS server_errors
        FROM api_usage WHERE path <> 'all' AND usage_date >= ?
        GROUP BY path ORDER BY requests DESC, path
        """,
        [since],
    )


def forecast_and_actual(reading: Reading, origin: date) -> list[Row]:
    """Return daily totals of the forecasts from an origin and of the actual sales.

    Returns:
        ``target_date, stores, forecast, actual`` (EUR), ordered by day. Both totals cover the same
        stores: those that were open and whose sales are known.
    """
    return reading.rows(
        """
        SELECT f.target_date, count(*) AS stores, sum(f.sales_forecast) AS forecast,
            sum(s.sales) AS actual
        FROM forecasts AS f
        JOIN daily_sales AS s ON s.store_id = f.store_id AND s.sales_date = f.target_date
        WHERE f.forecast_origin = $origin
            AND s.sales_date > $origin AND s.is_open AND s.sales > 0
        GROUP BY f.target_date ORDER BY f.target_date
        """,
        {"origin": origin},
    )


def runs(reading: Reading) -> list[Row]:
    """Return the runs that made forecasts, newest first, with their duration in ``seconds``."""
    return reading.rows(
        """
        SELECT *, epoch(finished_at - started_at) AS seconds FROM forecast_runs
        ORDER BY finished_at DESC, run_id
        """
    )


def alerts(reading: Reading, most: int) -> list[Row]:
    """Return at most ``most`` alerts that the generation contains, newest first."""
    return reading.rows("SELECT * FROM alerts ORDER BY raised_at DESC, alert_id LIMIT ?", [most])


def drift_origins(reading: Reading) -> list[Row]:
    """Return the forecast origins at which drift was measured, newest first.

    Returns:
        ``forecast_origin``, ``measures`` (their number) and ``drifted`` (the number of measures
        that reached their threshold).
    """
    return reading.rows(
        """
        SELECT forecast_origin, count(*) AS measures,
            count(*) FILTER (is_drifted) AS drifted
        FROM drift_metrics GROUP BY forecast_origin ORDER BY forecast_origin DESC
        """
    )


def drift_measures(reading: Reading, origin: date) -> list[Row]:
    """Return all drift measures at an origin, sorted by value divided by threshold, largest first.

    This ratio is the column ``of_threshold``.
    """
    return reading.rows(
        """
        SELECT *, value / threshold AS of_threshold FROM drift_metrics
        WHERE forecast_origin = ? ORDER BY of_threshold DESC, kind, feature
        """,
        [origin],
    )


def drift_over_origins(reading: Reading, most: int) -> list[Row]:
    """Return all drift measures at the newest ``most`` origins, by origin, kind and feature.

    The column ``of_threshold`` is a measure's value divided by its threshold.
    """
    return reading.rows(
        """
        SELECT forecast_origin, kind, feature, value / threshold AS of_threshold, is_drifted
        FROM drift_metrics
        WHERE forecast_origin IN (
            SELECT DISTINCT forecast_origin FROM drift_metrics ORDER BY 1 DESC LIMIT ?
        )
        ORDER BY forecast_origin, kind, feature
        """,
        [most],
    )
