"""Query a generation for data that only the API shows; see :mod:`app.queries` for shared ones."""

from __future__ import annotations

from datetime import date

from app.published import Reading
from app.queries import Row


def forecast_of_origin(reading: Reading, store_id: int, origin: date, days: int) -> list[Row]:
    """Return a store's forecast from an origin, one row per day, with the plan as known now.

    It covers the first ``days`` days after the origin.
    """
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
    """Return whether the generation has forecasts from this forecast origin."""
    row = reading.row("SELECT 1 FROM forecasts WHERE forecast_origin = ? LIMIT 1", [origin])
    return row is not None
