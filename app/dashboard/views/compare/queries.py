"""Queries of the comparison page: days of some stores, and weekly totals."""

from __future__ import annotations

from collections.abc import Sequence

from app.published import Reading
from app.queries import Row


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
