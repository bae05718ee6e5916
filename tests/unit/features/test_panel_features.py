"""The features of a panel row are those of its store and day, in training and in scoring."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.panel_world import HORIZON_DAYS, ORIGIN, PARAMS, World, worlds
from support.plan_reference import (
    PlanDay,
    StorePlan,
    attribute_reading,
    plan_reading,
    store_frame,
)

from rossmann_ml.features.history import history_features
from rossmann_ml.features.linear import linear_forecasts
from rossmann_ml.features.panel import feature_names, scoring_panel, training_panel

KEYS = ("forecast_origin", "store_id", "target_date", "horizon_days")


def scored(world: World, origin: date = ORIGIN) -> pl.DataFrame:
    return scoring_panel(
        world.inputs(), forecast_origin=origin, horizon_days=HORIZON_DAYS, params=PARAMS
    )


@given(data=st.data(), stores=st.integers(1, 2))
@settings(max_examples=6, phases=[Phase.generate], deadline=None, derandomize=True)
def test_plan_features_are_those_of_the_store_and_the_target_day(
    data: st.DataObject, stores: int
) -> None:
    world = data.draw(worlds(stores))
    begins = min(min(plan.rows) for plan in world.plans.values())
    for row in scored(world).iter_rows(named=True):
        plan = world.plans[row["store_id"]]
        expected = {
            **plan_reading(StorePlan(begins, plan.last, plan.rows), row["target_date"]),
            **attribute_reading(world.attributes[row["store_id"]], row["target_date"]),
        }
        # features are 32-bit floats
        wrong = {
            name: (row[name], value)
            for name, value in expected.items()
            if not np.isclose(row[name], float(value), rtol=1e-6, atol=0, equal_nan=True)
        }
        assert wrong == {}, row["target_date"]
        store = world.attributes[row["store_id"]]
        for name in ("store_type", "assortment", "state"):
            assert row[name] == store[name]


@given(data=st.data(), stores=st.integers(1, 3))
@settings(max_examples=4, phases=[Phase.generate], deadline=None, derandomize=True)
def test_history_features_are_those_of_the_store_and_the_day_of_the_horizon(
    data: st.DataObject, stores: int
) -> None:
    inputs = data.draw(worlds(stores)).inputs()
    panel = scoring_panel(inputs, forecast_origin=ORIGIN, horizon_days=HORIZON_DAYS, params=PARAMS)
    (linear,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [ORIGIN])
    made = history_features(
        inputs.sales, inputs.plan, inputs.stores, linear, horizon_days=HORIZON_DAYS, params=PARAMS
    )
    place = {store: row for row, store in enumerate(inputs.stores.store_ids.tolist())}
    for name, values in made.items():
        full = np.broadcast_to(values, (stores, HORIZON_DAYS))
        expected = [
            full[place[store], ahead - 1]
            for store, ahead in panel.select("store_id", "horizon_days").rows()
        ]
        assert np.array_equal(panel[name].to_numpy(), expected, equal_nan=True), name


@given(data=st.data(), stores=st.integers(1, 2))
@settings(max_examples=4, phases=[Phase.generate], deadline=None, derandomize=True)
def test_a_training_row_is_the_row_that_would_have_been_scored(
    data: st.DataObject, stores: int
) -> None:
    world = data.draw(worlds(stores))
    origins = [ORIGIN - timedelta(days=10), ORIGIN]
    training = training_panel(
        world.inputs(),
        origins,
        known_until=date(2099, 1, 1),
        horizon_days=HORIZON_DAYS,
        params=PARAMS,
    )
    then = pl.concat(scored(world, origin) for origin in origins).drop("is_open")
    expected = training.select(KEYS).join(then, on=KEYS, maintain_order="left", how="left")
    assert_frame_equal(
        training.drop("sales"), expected.select(training.columns[:-1]), check_exact=True
    )


def long_world(is_promo: list[bool], is_open: list[bool]) -> World:
    """Build one store whose plan runs from 200 days before the origin to the day after it."""
    first = ORIGIN - timedelta(days=len(is_promo) - 2)
    days = [first + timedelta(days=number) for number in range(len(is_promo))]
    rows = {
        day: PlanDay(is_open=open_then, is_promo=promo_then)
        for day, promo_then, open_then in zip(days, is_promo, is_open, strict=True)
    }
    sales = {(1, day): 100.0 for day in days[-40:-1]}
    table = store_frame([1]).row(0, named=True)
    return World({1: StorePlan(days[0], days[-1], rows)}, sales, {1: table})


@pytest.mark.parametrize("runs_for", [59, 60, 61, 100])
@pytest.mark.parametrize("gap", [1, 13])
def test_a_long_promotion_has_the_same_features_in_scoring_as_in_training(
    runs_for: int, gap: int
) -> None:
    is_promo = [True] * 30 + [False] * gap + [True] * runs_for
    world = long_world(is_promo, [True] * len(is_promo))
    panel = scoring_panel(world.inputs(), forecast_origin=ORIGIN, horizon_days=1, params=PARAMS)
    # the last day is the target day, on which the promotion has run for so many days
    assert panel["days_between_promos"].to_list() == [gap if runs_for < 60 else 14]


@pytest.mark.parametrize(("opened_days", "expected"), [(1, 1), (59, 59), (60, 60)])
def test_a_long_closure_is_seen_60_days_later_by_a_scoring_panel(
    opened_days: int, expected: int
) -> None:
    is_open = [True] * 100 + [False] * 14 + [True] * opened_days
    world = long_world([False] * len(is_open), is_open)
    panel = scoring_panel(world.inputs(), forecast_origin=ORIGIN, horizon_days=1, params=PARAMS)
    assert panel["days_since_long_closure"].to_list() == [expected]


def test_columns_are_the_keys_then_the_features_in_the_named_order() -> None:
    world = long_world([False] * 60, [True] * 60)
    panel = scoring_panel(world.inputs(), forecast_origin=ORIGIN, horizon_days=1, params=PARAMS)
    names = feature_names(PARAMS)
    assert panel.columns == ["forecast_origin", "store_id", "target_date", *names, "is_open"]
    assert panel.select(KEYS).dtypes == [pl.Date, pl.Int32, pl.Date, pl.Int32]
    assert names[0] == "horizon_days"


def test_a_given_linear_forecast_is_used() -> None:
    inputs = long_world([False] * 60, [True] * 60).inputs()
    (linear,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [ORIGIN])
    higher = replace(linear, level=linear.level + 1.0)
    made, given_one, moved = (
        scoring_panel(inputs, forecast_origin=ORIGIN, horizon_days=1, params=PARAMS, linear=each)
        for each in (None, linear, higher)
    )
    assert_frame_equal(made, given_one, check_exact=True)
    # only the store's level changes, and its recent shift compensates most of it
    assert moved["base_log_sales"][0] != made["base_log_sales"][0]
    assert moved["chain_shape"][0] == made["chain_shape"][0]
