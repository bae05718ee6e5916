"""Questions that only the API asks; :mod:`app.queries` holds those of API and dashboard."""

from __future__ import annotations

from datetime import date

from app.published import Reading
from app.queries import Row


def forecast_of_origin(reading: Reading, store_id: int, origin: date, days: int) -> list[Row]:
    """A store's forecast from an origin beside the plan as it is known now, by day."""
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
    """Whether there are forecasts from an origin."""
    row = reading.row("SELECT 1 FROM forecasts WHERE forecast_origin = ? LIMIT 1", [origin])
    return row is not None
