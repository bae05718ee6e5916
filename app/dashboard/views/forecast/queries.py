"""Query data about one store for the forecast page: errors, weeks, totals, drivers, changes."""

from __future__ import annotations

from datetime import date
from typing import Literal

from app.published import Reading
from app.queries import Row, unbiased_factor


def backtest_error(reading: Reading, model_version: str, weeks: int, store_type: str) -> Row | None:
    """Return the RMSPE of a model in its backtest; None if the model has no backtest.

    Returns:
        ``rmspe``: RMSPE in the first ``weeks`` weeks of the horizon. It is the root mean square of
        the RMSPEs by horizon week, weighted by store-days. If the backtest has no errors by week,
        it is the RMSPE in the whole horizon. ``rmspe_type``: RMSPE for stores of type
        ``store_type`` in the whole horizon; None if the backtest has none for this type.
        ``origins``: number of origins in the backtest. The RMSPE of a week, of a store type and
        of the whole horizon is the median over these origins.
    """
    return reading.row(
        """
        WITH own AS (
            SELECT b.* FROM backtest_scores AS b
            JOIN model_versions AS m ON m.model_version = b.model_version AND m.family = b.model
            WHERE b.model_version = $model
        ), weeks AS (
            SELECT sqrt(sum(store_days * rmspe_median * rmspe_median) / sum(store_days)) AS rmspe
            FROM own
            WHERE forecast_origin IS NULL AND segment_kind = 'horizon_week'
                AND segment::INTEGER <= $weeks
        )
        SELECT
            coalesce((SELECT rmspe FROM weeks), any_value(rmspe_median) FILTER (
                forecast_origin IS NULL AND segment_kind = 'overall')) AS rmspe,
            any_value(rmspe_median) FILTER (
                forecast_origin IS NULL AND segment_kind = 'store_type' AND segment = $type
            ) AS rmspe_type,
            count(DISTINCT forecast_origin) AS origins
        FROM own HAVING count(*) > 0
        """,
        {"model": model_version, "weeks": weeks, "type": store_type},
    )


def own_error(
    reading: Reading, store_id: int, days: int, run_kind: Literal["weekly", "backfill"]
) -> Row | None:
    """Return how accurate a store's forecasts were on days whose sales are now known.

    Only forecasts for the first ``days`` days after an origin are used, and only those of one kind
    of run: ``weekly`` for forecasts that were published, ``backfill`` for forecasts that were
    computed later for past origins.

    Returns:
        ``rmspe``, ``coverage_80``, ``store_days`` (number of forecasts that were compared with
        sales) and ``origins`` (number of their origins). None if there are no sales to compare.
    """
    return reading.row(
        """
        SELECT sqrt(avg(((f.sales_forecast - s.sales) / s.sales) ** 2)) AS rmspe,
            avg((s.sales BETWEEN f.lower_80 AND f.upper_80)::INTEGER) AS coverage_80,
            count(*) AS store_days, count(DISTINCT f.forecast_origin) AS origins
        FROM forecasts AS f
        JOIN daily_sales AS s ON s.store_id = f.store_id AND s.sales_date = f.target_date
        JOIN forecast_runs AS r ON r.run_id = f.run_id
        WHERE f.store_id = ? AND f.horizon_days <= ? AND r.run_kind = ?
            AND s.is_open AND s.sales > 0
        HAVING count(*) > 0
        """,
        [store_id, days, run_kind],
    )


def weeks(reading: Reading, store_id: int, last: date) -> list[Row]:
    """Add up a store's newest forecast by calendar week, up to the day ``last``.

    Returns:
        One row per week, ordered by week: ``week_start`` (Monday), ``days`` and ``open_days``
        (numbers of forecast days), ``sales_unbiased`` (unbiased total, EUR), and its bounds
        ``lower_80, upper_80``. The bounds are None if ``last`` excludes forecast days of the week,
        because the generation has intervals only for all forecast days of a week together.
    """
    origin = reading.info.forecast_origin
    return reading.rows(
        """
        WITH weeks AS (
            SELECT date_trunc('week', target_date)::DATE AS week_start, count(*) AS days,
                count(*) FILTER (is_open) AS open_days, sum(sales_forecast) AS day_sum
            FROM latest_forecasts
            WHERE store_id = $store AND target_date <= $last
            GROUP BY week_start
        )
        SELECT w.week_start, w.days, w.open_days,
            coalesce(t.sales_unbiased, w.day_sum * $factor) AS sales_unbiased,
            t.lower_80, t.upper_80
        FROM weeks AS w
        LEFT JOIN forecast_totals AS t
            ON t.level = 'store' AND t.segment = $store::VARCHAR
            AND t.forecast_origin = $origin AND t.week_start = w.week_start AND t.days = w.days
        ORDER BY w.week_start
        """,
        {
            "store": store_id,
            "last": last,
            "origin": origin,
            "factor": unbiased_factor(reading, origin),
        },
    )


def days_of(reading: Reading, table: str, store_id: int, days: int) -> list[Row]:
    """Return a table's rows about a store's newest forecast, ordered by target day.

    Args:
        reading: Access to the generation.
        table: Name of a table with one row per store, origin and target day, for example
            ``forecast_drivers``.
        store_id: Store number.
        days: Number of days after the origin that are returned.
    """
    return reading.rows(
        """
        FROM query_table($table)
        WHERE store_id = $store AND forecast_origin = $origin
            AND target_date <= $origin::DATE + $days::INTEGER
        ORDER BY target_date
        """,
        {
            "table": table,
            "store": store_id,
            "origin": reading.info.forecast_origin,
            "days": days,
        },
    )


def order_levels(reading: Reading, store_id: int, level: float) -> dict[date, float | None]:
    """Return quantiles of a store's sales by day of the newest forecasts, in EUR.

    Args:
        reading: Access to the generation.
        store_id: The store.
        level: Probability with which sales are below the quantile.
    """
    rows = reading.rows(
        """
        SELECT target_date, quantile FROM forecast_quantiles_at([$level])
        WHERE store_id = $store AND forecast_origin = $origin
        """,
        {"level": level, "store": store_id, "origin": reading.info.forecast_origin},
    )
    return {row["target_date"]: row["quantile"] for row in rows}
