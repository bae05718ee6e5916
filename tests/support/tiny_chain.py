"""Build a chain of a few stores and a few months, small enough for plain references."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.features.panel import FeatureInputs

ORIGIN = date(2015, 3, 20)


def tiny_frames(
    seed: int = 1,
    *,
    store_ids: tuple[int, ...] = (2, 5, 9),
    history_days: int = 120,
    future_days: int = 12,
    origin: date = ORIGIN,
) -> dict[str, pl.DataFrame]:
    """Build the frames ``history``, ``plan`` and ``stores`` as in the warehouse.

    Stores close on Sundays, promotions run on weekdays of every second week, and random days are
    closed, holidays or school holidays. Store numbers have gaps on purpose.
    """
    chance = np.random.default_rng(seed)
    first = origin - timedelta(days=history_days - 1)
    rows = []
    for store in store_ids:
        for number in range(history_days + future_days):
            day = first + timedelta(days=number)
            week = day.isocalendar().week
            is_promo = day.weekday() < 5 and week % 2 == 0 and chance.random() > 0.1
            holiday = str(chance.choice(["a", "b", "c"])) if chance.random() < 0.02 else "0"
            is_open = day.weekday() != 6 and holiday == "0" and chance.random() > 0.03
            level = 4000 + 300 * store + 150 * day.weekday() + 900 * is_promo
            rows.append(
                {
                    "store_id": store,
                    "plan_date": day,
                    "is_open": bool(is_open),
                    "is_promo": bool(is_promo),
                    "state_holiday": holiday,
                    "is_school_holiday": bool(week % 5 == 0),
                    "sales": float(round(level * chance.uniform(0.8, 1.2))) if is_open else 0.0,
                }
            )
    days = pl.DataFrame(rows).with_columns(pl.col("store_id").cast(pl.Int32))
    stores = pl.DataFrame(
        {
            "store_id": pl.Series(store_ids, dtype=pl.Int32),
            "store_type": ["abc"[number % 3] for number in range(len(store_ids))],
            "assortment": ["ac"[number % 2] for number in range(len(store_ids))],
            "state": [["HE", None, "BY"][number % 3] for number in range(len(store_ids))],
            "competition_distance_m": [
                [500.0, None, 90.0][number % 3] for number in range(len(store_ids))
            ],
            "competition_open_since": [
                [date(2012, 5, 1), None, date(2015, 3, 25)][number % 3]
                for number in range(len(store_ids))
            ],
            "has_promo2": [number % 2 == 0 for number in range(len(store_ids))],
            "promo2_since": [
                [date(2014, 1, 6), None][number % 2] for number in range(len(store_ids))
            ],
            "promo2_months": [
                ["Jan,Apr,Jul,Oct", None][number % 2] for number in range(len(store_ids))
            ],
        },
        schema_overrides={
            "state": pl.String,
            "competition_distance_m": pl.Float64,
            "competition_open_since": pl.Date,
            "promo2_since": pl.Date,
            "promo2_months": pl.String,
        },
    )
    return {
        "history": days.filter(pl.col("plan_date") <= origin).select(
            "store_id", sales_date="plan_date", sales="sales"
        ),
        "plan": days.drop("sales"),
        "stores": stores,
    }


def tiny_inputs(seed: int = 1, **shape: object) -> FeatureInputs:
    """Build the arrays of :func:`tiny_frames`."""
    return FeatureInputs.from_frames(**tiny_frames(seed, **shape))  # type: ignore[arg-type]
