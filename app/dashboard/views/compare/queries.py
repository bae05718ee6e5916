"""Queries of the comparison page: days of some stores, and weekly totals."""

from __future__ import annotations

from collections.abc import Sequence

from app.published import Reading
from app.queries import Row, unbiased_factor


def forecasts_of(reading: Reading, store_ids: Sequence[int], days: int) -> list[Row]:
    """Return the newest forecasts for some stores and the first ``days`` days of the horizon.

    The rows have ``store_id, target_date, is_open, sales_forecast, lower_80, upper_80`` and are
    ordered by store and day.
    """
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
    """Return the weekly forecast totals from the newest origin for each segment of a level.

    The rows are those of table ``forecast_totals``, ordered by segment and week. With level
    ``state``, for example, each state is a segment. A segment whose total had no bounds when it was
    forecast gets ``sales_unbiased`` from the origin's factor.
    """
    origin = reading.info.forecast_origin
    return reading.rows(
        """
        SELECT * REPLACE (coalesce(sales_unbiased, sales_forecast * $factor) AS sales_unbiased)
        FROM forecast_totals
        WHERE level = $level AND forecast_origin = $origin
        ORDER BY segment, week_start
        """,
        {"level": level, "origin": origin, "factor": unbiased_factor(reading, origin)},
    )
