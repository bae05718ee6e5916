"""Query the original plan for the what-if page, which compares scenarios with it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from app.published import Reading


def plan_as_given(reading: Reading, store_ids: Sequence[int]) -> pl.DataFrame:
    """Return the original plan of some stores for all days of the horizon.

    Returns:
        ``store_id, target_date, was_open, was_promo``, sorted by store and day.
    """
    return reading.frame(
        """
        SELECT store_id, plan_date AS target_date, is_open AS was_open, is_promo AS was_promo
        FROM store_plan
        WHERE store_id IN (SELECT unnest($stores)) AND plan_date > $origin
            AND plan_date <= $origin::DATE + $days::INTEGER
        ORDER BY store_id, plan_date
        """,
        {
            "stores": list(store_ids),
            "origin": reading.info.forecast_origin,
            "days": reading.info.horizon_days,
        },
    )
