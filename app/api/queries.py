"""Queries that only the API uses; see :mod:`app.queries` for those shared with the dashboard."""

from __future__ import annotations

from datetime import date

from app.published import Reading
from app.queries import Row


def forecast_of_origin(reading: Reading, store_id: int, origin: date, days: int) -> list[Row]:
    """Return the forecast of a store from an origin, by day, with the plan as known now."""
    return reading.rows(
        """
        SELECT f.*, p.is_promo, p.state_holiday, p.is_school_holiday
        FROM forecasts AS f
        LEFT JOIN store_plan AS p ON p.store_id = f.store_id AND p.plan_date = f.target_date
        WHERE f.store_id = ? AND f.forecast_origin = ?
            AND f.horizon_days <= ?
        ORDER BY f.target_date
        """,
        [store_id, origin, days],
    )


def has_origin(reading: Reading, origin: date) -> bool:
    """Return whether there are forecasts from an origin."""
    row = reading.row("SELECT 1 FROM forecasts WHERE forecast_origin = ? LIMIT 1", [origin])
    return row is not None
