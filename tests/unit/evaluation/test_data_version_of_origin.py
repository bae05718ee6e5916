"""The data that invalidate stored forecasts of an origin (``fold_tables.data_version_of_origin``).

By its docstring, these are sales up to the last day of the horizon, the plan up to some days after
it (5 here), and the stores. Later days do not count.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from support.evaluation_world import FIRST_DAY, HORIZON_DAYS, STORES, small_params, world

from rossmann_ml.evaluation.fold_tables import data_version_of_origin
from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.panel import FeatureInputs

FORECAST = small_params().forecast
LOOKAHEAD_DAYS = 5
ORIGIN = FIRST_DAY + timedelta(days=150)
FEATURES = world()
PLAN_PARTS = ("is_open", "is_promo", "state_holiday", "is_school_holiday")


def version(features: FeatureInputs, origin: date = ORIGIN) -> str:
    return data_version_of_origin(features, origin, FORECAST)


AS_IT_IS = version(FEATURES)


def with_sale(day: date, change: float = 1.0) -> FeatureInputs:
    sales = FEATURES.sales.sales.copy()
    sales[1, (day - FIRST_DAY).days] += change
    return replace(FEATURES, sales=replace(FEATURES.sales, sales=sales))


def with_plan(part: str, day: date) -> FeatureInputs:
    values: np.ndarray = getattr(FEATURES.plan, part).copy()
    values[2, (day - FIRST_DAY).days] = 1 - values[2, (day - FIRST_DAY).days]
    return replace(FEATURES, plan=replace(FEATURES.plan, **{part: values}))


def with_stores(stores: pl.DataFrame) -> FeatureInputs:
    return replace(FEATURES, stores=StoreGrid.from_frame(stores))


@pytest.mark.parametrize(
    ("days", "counts"),
    [(-150, True), (0, True), (1, True), (HORIZON_DAYS, True), (HORIZON_DAYS + 1, False)],
    ids=["first day", "origin", "first target", "last target", "day after"],
)
def test_a_sale_counts_up_to_the_last_day_of_the_horizon(days: int, counts: bool) -> None:
    changed = with_sale(ORIGIN + timedelta(days=days))
    assert (version(changed) != AS_IT_IS) == counts


@pytest.mark.parametrize("part", PLAN_PARTS)
@pytest.mark.parametrize(
    ("days", "counts"),
    [
        (-150, True),
        (HORIZON_DAYS, True),
        (HORIZON_DAYS + LOOKAHEAD_DAYS, True),
        (HORIZON_DAYS + LOOKAHEAD_DAYS + 1, False),
    ],
    ids=["first day", "last target", "last that is looked ahead to", "day after"],
)
def test_a_plan_day_counts_as_far_as_the_last_target_day_looks_ahead(
    part: str, days: int, counts: bool
) -> None:
    changed = with_plan(part, ORIGIN + timedelta(days=days))
    assert (version(changed) != AS_IT_IS) == counts


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("store_type", "d"),
        ("assortment", "c"),
        ("state", "HE"),
        ("competition_distance_m", 101.0),
        ("competition_open_since", date(2014, 1, 1)),
        ("has_promo2", True),
        ("promo2_since", date(2014, 1, 6)),
        ("promo2_months", "Feb,May,Aug,Nov"),
    ],
)
def test_every_attribute_of_a_store_counts(column: str, value: object) -> None:
    first = pl.col("store_id") == 1
    other = STORES.with_columns(pl.when(first).then(pl.lit(value)).otherwise(column).alias(column))
    assert version(with_stores(other)) != AS_IT_IS


def test_a_day_that_became_unknown_counts() -> None:
    assert version(with_sale(ORIGIN, np.nan)) != AS_IT_IS


def test_each_origin_has_its_own() -> None:
    assert version(FEATURES, ORIGIN + timedelta(days=1)) != AS_IT_IS


def test_the_same_numbers_from_another_first_day_are_other_data() -> None:
    day = timedelta(days=1)
    sales = replace(FEATURES, sales=replace(FEATURES.sales, first_date=FIRST_DAY + day))
    plan = replace(FEATURES, plan=replace(FEATURES.plan, first_date=FIRST_DAY + day))
    assert len({version(sales), version(plan), AS_IT_IS}) == 3


def test_a_week_more_of_sales_and_plan_changes_nothing() -> None:
    def longer(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[:, -7:]], axis=1)

    plan = FEATURES.plan
    grown = replace(
        FEATURES,
        sales=replace(FEATURES.sales, sales=longer(FEATURES.sales.sales)),
        plan=PlanGrid(plan.first_date, *(longer(getattr(plan, part)) for part in PLAN_PARTS)),
    )
    assert version(grown) == AS_IT_IS


def test_it_does_not_depend_on_the_memory_layout_of_the_arrays() -> None:
    sales = np.asfortranarray(FEATURES.sales.sales)
    assert version(replace(FEATURES, sales=replace(FEATURES.sales, sales=sales))) == AS_IT_IS


def test_it_is_16_hexadecimal_digits() -> None:
    assert len(AS_IT_IS) == 16
    assert int(AS_IT_IS, 16) >= 0
