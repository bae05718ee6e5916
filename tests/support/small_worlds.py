"""Draw small chains with forecasts of past origins, for comparisons with plain references."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

TYPES, ASSORTMENTS, STATES = ("a", "b"), ("a", "c"), ("HE", "BY", None)


def stores_of(number: int) -> pl.DataFrame:
    """Build a few stores of two types, two assortments, two states and an unknown one."""
    return pl.DataFrame(
        {
            "store_id": range(1, number + 1),
            "store_type": [TYPES[each % 2] for each in range(number)],
            "assortment": [ASSORTMENTS[each // 2 % 2] for each in range(number)],
            "state": [STATES[each % 3] for each in range(number)],
        },
        schema_overrides={"store_id": pl.Int64, "state": pl.String},
    )


def forecasts_of(
    seed: int, *, origins: int, stores: int, horizon_days: int, first: date, step_days: int = 9
) -> pl.DataFrame:
    """Draw open store-days with forecasts in whole cents, sales, and spreads by store-day.

    The last store opens within the horizon. Every origin has at least one open day.
    """
    random = np.random.default_rng(seed)
    rows = [
        {
            "forecast_origin": first + timedelta(days=step_days * number),
            "store_id": store,
            "target_date": first + timedelta(days=step_days * number + day),
            "horizon_days": day,
            "sales": float(random.integers(1, 9000)),
            "forecast": float(random.integers(100, 900_000)) / 100,
            "spread": float(random.integers(5, 50)) / 100,
        }
        for number in range(origins)
        for store in range(1, stores + 1)
        for day in range(1, horizon_days + 1)
        if _is_open(random.random(), store, day, stores=stores, horizon_days=horizon_days)
    ]
    return pl.DataFrame(rows, schema_overrides={"store_id": pl.Int32})


def _is_open(chance: float, store: int, day: int, *, stores: int, horizon_days: int) -> bool:
    if store == 1 and day == horizon_days:
        return True
    has_opened = store < stores or day > horizon_days // 2
    return has_opened and chance < 0.8
