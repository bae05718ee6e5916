"""Queries of the comparison page: one row for each store, days of some stores, weekly totals."""

from __future__ import annotations

from collections.abc import Sequence

from app.published import Reading
from app.queries import Row


def stores_side_by_side(reading: Reading, days: int) -> list[Row]:
    """Return one row for each store with a forecast, summed over the first days of the horizon.

    Returns:
        ``store_id, store_type, assortment, state``, ``total`` and ``per_open_day`` (EUR),
        ``open_days``, ``promo_days``, ``range_share`` (half the width of the days' 80% ranges,
        over the forecasts), and ``last_year`` (EUR) and ``change_on_last_year``, which are NULL if
        some of last year's days are missing.
    """
    return reading.rows(
        """
        WITH coming AS (
            SELECT store_id, target_date, is_open, sales_forecast, lower_80, upper_80
            FROM latest_forecasts WHERE horizon_days <= $days
        ), last_year AS (
            SELECT store_id, sales_date + 364 AS target_date, sales FROM daily_sales
            WHERE sales_date BETWEEN $origin::DATE - 363 AND $origin::DATE - 364 + $days::INTEGER
        )
        SELECT s.store_id, s.store_type, s.assortment, coalesce(s.state, 'unknown') AS state,
            sum(c.sales_forecast) AS total,
            count(*) FILTER (c.is_open) AS open_days,
            count(*) FILTER (c.is_open AND p.is_promo) AS promo_days,
            total / nullif(open_days, 0) AS per_open_day,
            sum(c.upper_80 - c.lower_80) / 2 / nullif(total, 0) AS range_share,
            CASE WHEN count(l.sales) = count(*)
                THEN total / nullif(sum(l.sales), 0) - 1 END AS change_on_last_year,
            CASE WHEN count(l.sales) = count(*) THEN sum(l.sales) END AS last_year
        FROM coming AS c
        JOIN stores AS s USING (store_id)
        LEFT JOIN store_plan AS p
            ON p.store_id = c.store_id AND p.plan_date = c.target_date
        LEFT JOIN last_year AS l
            ON l.store_id = c.store_id AND l.target_date = c.target_date
        GROUP BY s.store_id, s.store_type, s.assortment, s.state
        ORDER BY s.store_id
        """,
        {"days": days, "origin": reading.info.forecast_origin},
    )


def forecasts_of(reading: Reading, store_ids: Sequence[int], days: int) -> list[Row]:
    """Return the newest forecasts of some stores, by store and day."""
    return reading.rows(
        """
        SELECT store_id, target_date, is_open, sales_forecast, lower_80, upper_80
        FROM latest_forecasts
        WHERE horizon_days <= ? AND store_id IN (SELECT unnest(?))
        ORDER BY store_id, target_date
        """,
        [days, list(store_ids)],
    )


def totals(reading: Reading, level: str) -> list[Row]:
    """Return the weekly totals of the segments of a level at the newest origin."""
    return reading.rows(
        """
        SELECT * FROM forecast_totals
        WHERE level = ? AND forecast_origin = ?
        ORDER BY segment, week_start
        """,
        [level, reading.info.forecast_origin],
    )
