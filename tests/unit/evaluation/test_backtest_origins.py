"""Origins and days of a backtest (``rossmann_ml.evaluation.backtest``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluation_world import (
    FIRST_DAY,
    HISTORY_DAYS,
    HOLIDAYS,
    HORIZON_DAYS,
    frames,
    small_params,
    world,
)

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.evaluation.backtest import backtest_origins, fold_days, fold_panel
from rossmann_ml.evaluation.baselines import baseline_forecasts
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.models.error_scale import interval_spread
from rossmann_ml.models.recipe import Recipe

NEWEST = date(2015, 6, 19)
RECIPE = Recipe("fast", small_params(), threads=1)
ORIGIN = FIRST_DAY + timedelta(days=160)  # a Sunday; Corpus Christi is four days later


def days_before(days: int) -> date:
    return NEWEST - timedelta(days=days)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    back_days=st.lists(st.integers(1, 400), min_size=1, max_size=6, unique=True),
    first_training=st.integers(60, 600),
)
def test_origins_are_counted_back_from_the_newest_as_far_as_history_goes(
    back_days: list[int], first_training: int
) -> None:
    enough = sorted((days for days in back_days if first_training - days >= 42), reverse=True)
    arguments = {"back_days": back_days, "first_training": days_before(first_training)}
    if enough:
        found = backtest_origins(NEWEST, **arguments)
        assert found == [days_before(days) for days in enough]
    else:
        with pytest.raises(NoDataError):
            backtest_origins(NEWEST, **arguments)


def test_the_oldest_origin_has_42_days_of_targets_after_the_first_training_origin() -> None:
    origins = [84, 126]
    assert backtest_origins(NEWEST, back_days=origins, first_training=days_before(168)) == [
        days_before(126),
        days_before(84),
    ]
    assert backtest_origins(NEWEST, back_days=origins, first_training=days_before(167)) == [
        days_before(84)
    ]


def test_too_little_history_names_the_newest_origin_and_from_when_there_is_enough() -> None:
    with pytest.raises(NoDataError) as refused:
        backtest_origins(NEWEST, back_days=[84, 42], first_training=days_before(83))
    said = str(refused.value)
    assert f"before {NEWEST} " in said
    assert f"would be {days_before(42)}, " in said
    assert said.endswith(f"is {days_before(41)}")


def expected_days(features: FeatureInputs, origin: date) -> list[tuple[int, date]]:
    """Return the days of the horizon with sales, by store and day."""
    sales = features.sales
    return [
        (int(store), origin + timedelta(days=days))
        for row, store in enumerate(features.stores.store_ids)
        for days in range(1, HORIZON_DAYS + 1)
        if sales.sales[row, (origin - sales.first_date).days + days] > 0
    ]


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(60, HISTORY_DAYS - HORIZON_DAYS - 1), st.integers(0, 2))
def test_a_past_origin_has_the_days_of_its_horizon_that_sold_something(
    number: int, seed: int
) -> None:
    origin = FIRST_DAY + timedelta(days=number)
    known = world()
    rng = np.random.default_rng(seed)
    unknown = np.where(rng.random(known.sales.sales.shape) < 0.1, np.nan, known.sales.sales)
    holes = replace(known, sales=replace(known.sales, sales=unknown))
    panel = fold_panel(holes, origin, RECIPE)
    days = expected_days(holes, origin)
    assert panel.select("store_id", "target_date").rows() == days
    assert panel["forecast_origin"].unique().to_list() == [origin]
    assert panel["horizon_days"].to_list() == [(day - origin).days for _, day in days]
    sales = {(store, day): unknown[store - 1, (day - FIRST_DAY).days] for store, day in days}
    assert panel["sales"].to_list() == list(sales.values())
    found = fold_days(holes, panel, RECIPE)
    assert found.select("store_id", "target_date", "sales").rows() == [
        (*key, sold) for key, sold in sales.items()
    ]


@pytest.fixture(scope="module")
def features() -> FeatureInputs:
    return world()


@pytest.fixture(scope="module")
def days(features: FeatureInputs) -> list[dict]:
    return fold_days(features, fold_panel(features, ORIGIN, RECIPE), RECIPE).rows(named=True)


def test_the_columns_are_those_that_the_store_of_past_forecasts_keeps(days: list[dict]) -> None:
    assert list(days[0]) == [
        "forecast_origin", "store_id", "target_date", "horizon_days", "sales", "spread", "linear",
        "seasonal_naive", "store_weekday_promo_median", "store_type", "is_promo",
        "holiday_nearby",
    ]  # fmt: skip


def test_days_hold_the_promotion_of_the_plan_and_the_type_of_their_store(days: list[dict]) -> None:
    plan = {(row[0], row[1]): row[3] for row in frames()["plan"].rows()}
    for row in days:
        assert row["is_promo"] == plan[row["store_id"], row["target_date"]]
        assert row["store_type"] == ("b" if row["store_id"] == 2 else "a")
    assert {row["is_promo"] for row in days} == {True, False}


def test_days_up_to_three_from_a_holiday_are_near_it_and_the_fourth_is_not(
    days: list[dict],
) -> None:
    for row in days:
        distance = min(abs((row["target_date"] - holiday).days) for holiday in HOLIDAYS)
        assert row["holiday_nearby"] == ("near a holiday" if distance <= 3 else "ordinary")
    near = {row["target_date"] for row in days if row["holiday_nearby"] == "near a holiday"}
    # Corpus Christi is on the 19th: three days before it and three after, without the Sunday
    assert near == {date(2014, 6, day) for day in (16, 17, 18, 20, 21)}


@pytest.mark.parametrize("origin", [date(2014, 4, 27), date(2014, 5, 1)])
def test_days_after_a_holiday_are_near_it_too(features: FeatureInputs, origin: date) -> None:
    found = fold_days(features, fold_panel(features, origin, RECIPE), RECIPE)
    near = found.filter(pl.col("holiday_nearby") == "near a holiday")["target_date"]
    days_of_may = [28, 29, 30, 2, 3] if origin.month == 4 else [2, 3]
    assert {day.day for day in near} == set(days_of_may)


def test_references_and_linear_forecast_are_those_of_the_row(
    features: FeatureInputs, days: list[dict]
) -> None:
    answers = baseline_forecasts(features, forecast_origin=ORIGIN, horizon_days=HORIZON_DAYS)
    answer = {row[:2]: row[2:] for row in answers.rows()}
    panel = fold_panel(features, ORIGIN, RECIPE)
    for row, linear, spread in zip(
        days, panel["base_log_sales"], interval_spread(panel), strict=True
    ):
        asked = answer[row["store_id"], row["target_date"]]
        assert (row["seasonal_naive"], row["store_weekday_promo_median"]) == asked
        assert row["linear"] == linear
        assert row["spread"] == spread


def test_nothing_but_sales_comes_from_after_the_origin(
    features: FeatureInputs, days: list[dict]
) -> None:
    later = features.sales.sales.copy()
    later[:, (ORIGIN - FIRST_DAY).days + 1 :] *= 3
    other = replace(features, sales=replace(features.sales, sales=later))
    found = fold_days(other, fold_panel(other, ORIGIN, RECIPE), RECIPE).rows(named=True)
    assert found == [{**row, "sales": 3 * row["sales"]} for row in days]


def test_a_store_that_opens_within_the_horizon_has_rows_and_no_answer_of_a_reference() -> None:
    opens_on = ORIGIN + timedelta(days=3)
    known = world(opens_on=opens_on)
    found = fold_days(known, fold_panel(known, ORIGIN, RECIPE), RECIPE)
    new = found.filter(pl.col("store_id") == 3)
    assert new["target_date"].min() == opens_on
    assert new["seasonal_naive"].null_count() == len(new)
    assert new["store_weekday_promo_median"].null_count() == len(new)
    assert found.filter(pl.col("store_id") != 3)["seasonal_naive"].null_count() == 0
