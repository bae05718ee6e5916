"""Draw small random chains: plans with runs of all marks, and sales with gaps."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.features.grid import BoolArray, PlanGrid, SalesGrid, StoreGrid
from rossmann_ml.features.panel import FeatureInputs

TYPES, ASSORTMENTS, STATES = ("a", "b"), ("a", "c"), ("HE", "NW", None)


def runs(rng: np.random.Generator, stores: int, days: int, *, on: int, off: int) -> BoolArray:
    """Draw runs of marked and unmarked days, each at least one day long."""
    marks = np.zeros((stores, days), np.bool_)
    for row in marks:
        day = int(rng.integers(0, off + 1))
        while day < days:
            end = day + int(rng.integers(1, on + 1))
            row[day:end] = True
            day = end + int(rng.integers(1, off + 1))
    return marks


def random_plan(rng: np.random.Generator, first_day: date, stores: int, days: int) -> PlanGrid:
    """Draw a plan: promotions on any weekday, closings of up to ten days, all kinds of holidays."""
    closed = runs(rng, stores, days, on=3, off=12) | runs(rng, stores, days, on=10, off=60)
    holidays = np.where(rng.random((stores, days)) < 0.08, rng.integers(1, 4, (stores, days)), 0)
    return PlanGrid(
        first_day,
        is_open=~closed,
        is_promo=runs(rng, stores, days, on=6, off=9),
        state_holiday=holidays.astype(np.int8),
        is_school_holiday=runs(rng, stores, days, on=14, off=30),
    )


def random_stores(rng: np.random.Generator, stores: int) -> StoreGrid:
    """Draw stores of two types and assortments, some of unknown state."""
    return StoreGrid.from_frame(
        pl.DataFrame(
            {
                "store_id": range(1, stores + 1),
                "store_type": [TYPES[rng.integers(2)] for _ in range(stores)],
                "assortment": [ASSORTMENTS[rng.integers(2)] for _ in range(stores)],
                "state": [STATES[rng.integers(3)] for _ in range(stores)],
            },
            schema_overrides={"state": pl.String},
        )
    )


def random_inputs(
    seed: int, *, stores: int, days: int, ahead: int = 0, first_day: date, plan_before: int = 0
) -> FeatureInputs:
    """Draw the inputs of a chain.

    Args:
        seed: Seed of all random numbers.
        stores: Number of stores.
        days: Number of days with sales.
        ahead: Number of days of the plan after the sales.
        first_day: First day with sales.
        plan_before: Number of days of the plan before it.
    """
    rng = np.random.default_rng(seed)
    first_planned = first_day - timedelta(days=plan_before)
    plan = random_plan(rng, first_planned, stores, plan_before + days + ahead)
    is_open = plan.is_open[:, plan_before : plan_before + days]
    sales = np.exp(rng.normal(8.5, 0.4, (stores, 1)) + rng.normal(0, 0.3, (stores, days)))
    sales = np.where(is_open & (rng.random((stores, days)) > 0.05), sales, 0.0)
    sales[rng.random((stores, days)) < 0.05] = np.nan
    for row in range(stores):  # some stores open late, and some never sell
        if rng.random() < 0.4:
            sales[row, : int(rng.integers(0, days + 1))] = np.nan
    return FeatureInputs(random_stores(rng, stores), SalesGrid(first_day, sales), plan)
