"""Query data for the monitoring page: accuracy, API usage, runs, alerts and drift."""

from __future__ import annotations

from datetime import date

from app.published import Reading
from app.queries import Row, unbiased_factor


def accuracy(reading: Reading, forecast_kind: str) -> list[Row]:
    """Return the accuracy of the forecasts from each origin, over all open store-days with sales.

    Origins without actuals are omitted.

    Args:
        reading: Access to the generation.
        forecast_kind: ``served``, ``backfilled`` or ``shadow``.

    Returns:
        Rows of table ``forecast_accuracy``, ordered by origin.
    """
    return reading.rows(
        """
        SELECT * FROM forecast_accuracy
        WHERE segment_kind = 'overall' AND forecast_kind = ?
        ORDER BY forecast_origin
        """,
        [forecast_kind],
    )


def accuracy_by_segment(
    reading: Reading, origin: date, forecast_kind: str, segment_kind: str
) -> list[Row]:
    """Return the RMSPE by segment of an origin's forecasts, and two RMSPEs for comparison.

    One of the two is the model's RMSPE in its backtest. The other is the RMSPE of seasonal naive
    from ``origin``, on the store-days with actuals that it has a forecast for.

    Args:
        reading: Access to the generation.
        origin: Origin of the forecasts.
        forecast_kind: ``served`` or ``backfilled``.
        segment_kind: How store-days are grouped, for example ``store_type``.

    Returns:
        ``model`` (``forecast``, ``backtest`` or ``seasonal naive``), ``is_own`` (true for
        ``forecast``), ``segment`` and ``rmspe_median`` (RMSPE, under the name that
        ``shared_charts.errors_by`` reads), sorted by model in this order, then by segment. Unknown
        RMSPEs are omitted.
    """
    return reading.rows(
        """
        SELECT model, model = 'forecast' AS is_own, segment, rmspe_median
        FROM (
            SELECT segment, rmspe AS forecast, backtest_rmspe AS backtest,
                rmspe_seasonal_naive AS "seasonal naive"
            FROM forecast_accuracy
            WHERE forecast_origin = $origin AND segment_kind = $segment_kind
                AND forecast_kind = $forecast_kind
        ) UNPIVOT (rmspe_median FOR model IN (forecast, backtest, "seasonal naive"))
        ORDER BY list_position(['forecast', 'backtest', 'seasonal naive'], model),
            try_cast(segment AS INTEGER), segment
        """,
        {"origin": origin, "forecast_kind": forecast_kind, "segment_kind": segment_kind},
    )


def worst_days(reading: Reading, ranked_by: str, rows: int) -> list[Row]:
    """Return at most ``rows`` store-days with the largest forecast errors, largest error first.

    The rows are those of table ``forecast_worst_days``, which covers the newest four weeks with
    sales. ``ranked_by`` is the error that is compared: ``relative`` or ``eur``.
    """
    return reading.rows(
        "SELECT * FROM forecast_worst_days WHERE ranked_by = ? ORDER BY place LIMIT ?",
        [ranked_by, rows],
    )


def worst_reasons(reading: Reading, ranked_by: str) -> list[Row]:
    """Count the reasons for the largest forecast errors, most frequent reason first.

    All rows of table ``forecast_worst_days`` with the ranking ``ranked_by`` are counted:
    ``relative`` (largest relative errors) or ``eur`` (largest errors in EUR).

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
    """Return the API usage of the newest ``days`` days with usage, oldest day first.

    The rows are those of table ``api_usage`` with path ``all``: one per day, all paths together.
    """
    return reading.rows(
        """
        FROM (
            SELECT * FROM api_usage WHERE path = 'all' ORDER BY usage_date DESC LIMIT ?
        ) ORDER BY usage_date
        """,
        [days],
    )


def usage_by_path(reading: Reading, since: date) -> list[Row]:
    """Return a table of API usage by path from the day ``since`` on, the most used path first.

    Requests and errors are sums over the days. The median and the 99% quantile of response times
    (ms) are computed by day; each column has the largest of the days. Column names are the titles
    that visitors see.
    """
    return reading.rows(
        """
        SELECT path AS "Path", sum(requests)::BIGINT AS "Requests",
            max(latency_p50_ms) AS "Half within", max(latency_p99_ms) AS "99% within",
            sum(client_errors)::BIGINT AS "Errors of clients",
            sum(server_errors)::BIGINT AS "Errors of the API"
        FROM api_usage WHERE path <> 'all' AND usage_date >= ?
        GROUP BY path ORDER BY "Requests" DESC, path
        """,
        [since],
    )


def forecast_and_actual(reading: Reading, origin: date) -> list[Row]:
    """Return unbiased daily totals of the forecasts from an origin, and of the actual sales.

    Returns:
        ``target_date, stores, forecast, actual`` (EUR), ordered by day. Both totals cover the same
        stores: those that have a forecast and were open with sales above 0. ``stores`` is their
        number.
    """
    return reading.rows(
        """
        SELECT f.target_date, count(*) AS stores, sum(f.sales_forecast) * $factor AS forecast,
            sum(s.sales) AS actual
        FROM forecasts AS f
        JOIN daily_sales AS s ON s.store_id = f.store_id AND s.sales_date = f.target_date
        WHERE f.forecast_origin = $origin
            AND s.sales_date > $origin AND s.is_open AND s.sales > 0
        GROUP BY f.target_date ORDER BY f.target_date
        """,
        {"origin": origin, "factor": unbiased_factor(reading, origin)},
    )


def runs(reading: Reading) -> list[Row]:
    """Return a table of the forecast runs, the last finished first.

    Columns are origin, kind (``weekly`` or ``backfill``), time of the end (UTC), duration in
    seconds, numbers of stores with and without a forecast, number of store-days with an assumed
    plan, unbiased total of the forecasts (EUR; None if it is not known), model version and run id.
    Column names are the titles that visitors see.
    """
    found = reading.rows(
        """
        SELECT *, epoch(finished_at - started_at) AS seconds
        FROM forecast_runs ORDER BY finished_at DESC, run_id
        """
    )
    return [
        {
            "Origin": row["forecast_origin"],
            "Kind": row["run_kind"],
            "Finished (UTC)": row["finished_at"],
            "Seconds": row["seconds"],
            "Stores": row["stores"],
            "No forecast": row["stores_not_forecast"],
            "Assumed plan": row["assumed_store_days"],
            # generations that earlier versions published have no such column
            "Total": row.get("total_sales_unbiased"),
            "Model": row["model_version"],
            "Run": row["run_id"],
        }
        for row in found
    ]


def alerts(reading: Reading, most: int) -> list[Row]:
    """Return a table of at most ``most`` alerts in the generation, the newest first.

    Columns are the times at which the alert was raised and resolved, severity, rule, subject,
    message, how often it was seen, whether it was sent, and owner. Column names are the titles that
    visitors see.
    """
    return reading.rows(
        """
        SELECT raised_at AS "Raised (UTC)", resolved_at AS "Resolved (UTC)",
            severity AS "Severity", replace(rule, '_', ' ') AS "Rule", subject AS "Subject",
            message AS "Message", times_seen AS "Times seen", is_notified AS "Sent",
            owner AS "Owner"
        FROM alerts ORDER BY raised_at DESC, alert_id LIMIT ?
        """,
        [most],
    )


def drift_origins(reading: Reading) -> list[date]:
    """Return the forecast origins at which drift was measured, the newest first."""
    rows = reading.rows("SELECT DISTINCT forecast_origin FROM drift_metrics ORDER BY 1 DESC")
    return [row["forecast_origin"] for row in rows]


def drift_measures(reading: Reading, origin: date) -> list[Row]:
    """Return all drift measures at a forecast origin.

    A drift measure says how much the newest data differ from earlier data.

    Returns:
        Rows of table ``drift_metrics``, with ``of_threshold`` (value divided by threshold) and
        ``name`` (the feature's name with spaces), sorted by ``of_threshold``, largest first.
    """
    return reading.rows(
        """
        SELECT *, value / threshold AS of_threshold, replace(feature, '_', ' ') AS name
        FROM drift_metrics WHERE forecast_origin = ? ORDER BY of_threshold DESC, kind, feature
        """,
        [origin],
    )


def drift_over_origins(reading: Reading, most: int) -> list[Row]:
    """Return, for recent origins and each kind of data, the drift measure that is largest.

    Measures are compared by ``of_threshold``: value divided by threshold.

    Args:
        reading: Access to the generation.
        most: Number of origins, counted back from the newest.

    Returns:
        ``forecast_origin``, ``kind`` (kind of data, for example ``sales``), ``name`` (the feature's
        name with spaces) and ``of_threshold``, sorted by origin and kind.
    """
    return reading.rows(
        """
        SELECT forecast_origin, kind, max(value / threshold) AS of_threshold,
            arg_max(replace(feature, '_', ' '), value / threshold) AS name
        FROM drift_metrics
        WHERE forecast_origin IN (
            SELECT DISTINCT forecast_origin FROM drift_metrics ORDER BY 1 DESC LIMIT ?
        )
        GROUP BY forecast_origin, kind ORDER BY forecast_origin, kind
        """,
        [most],
    )
