"""Query data for the comparison page: totals by store, daily forecasts, and weekly totals."""

from __future__ import annotations

from collections.abc import Sequence

from app.published import Reading
from app.queries import Row


def stores_side_by_side(reading: Reading, days: int) -> list[Row]:
    """Sum each store's newest forecast over the first ``days`` days; omit stores without one.

    Returns:
        ``store_id, store_type, assortment, state``, ``total`` and ``per_open_day`` (EUR),
        ``open_days``, ``promo_days`` (open days with a promotion), ``range_share`` (half the summed
        widths of the days' 80% intervals, divided by ``total``), ``last_year`` (sales 364 days
        earlier, EUR) and ``change_on_last_year`` (``total / last_year - 1``). The last two are NULL
        if sales are unknown on any of these earlier days.
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
    """Return the newest forecasts for some stores and the first ``days`` days, by store and day."""
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
    """Return weekly forecast totals from the newest origin for each segment of a level.

    With level ``state``, for example, each state is a segment.
    """
    return reading.rows(
        """
        SELECT * FROM forecast_totals
        WHERE level = ? AND forecast_origin = ?
        ORDER BY segment, week_start
        """,
        [level, reading.info.forecast_origin],
    )
