"""Drivers add up, find planted effects, cover all features, and ignore later sales."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.chain import NEWEST_ORIGIN, inputs, small_params, small_recipe

from rossmann_ml.features.driver_groups import (
    GROUPS,
    LEVEL,
    LINEAR_FEATURES,
    PARTS,
    feature_groups,
)
from rossmann_ml.features.panel import (
    FeatureInputs,
    feature_names,
    scoring_panel,
    training_origins,
    training_panel,
)
from rossmann_ml.forecasting.drivers.attribution import (
    Predict,
    Switchboard,
    contributions,
    explain,
    in_sales,
)
from rossmann_ml.forecasting.drivers.typical_day import TypicalDay
from rossmann_ml.models.base import log_base

PARAMS = small_params()
FEATURES = feature_names(PARAMS.features)
LOG_SHIFT = -0.0123
KEYS = ["forecast_origin", "store_id", "target_date"]


@pytest.fixture(scope="module")
def known(sample_dir: Path) -> FeatureInputs:
    return inputs(sample_dir)


@pytest.fixture(scope="module")
def panel(known: FeatureInputs) -> pl.DataFrame:
    return scoring_panel(
        known, forecast_origin=NEWEST_ORIGIN, horizon_days=42, params=PARAMS.features
    )


@pytest.fixture(scope="module")
def typical(known: FeatureInputs) -> TypicalDay:
    return TypicalDay.of(known, forecast_origin=NEWEST_ORIGIN, horizon_days=42)


@pytest.fixture(scope="module")
def predict(known: FeatureInputs) -> Predict:
    """Fit a blend on the sample."""
    origins = training_origins(
        NEWEST_ORIGIN,
        first_day=known.sales.first_date,
        step_days=42,
        count=6,
        min_history_days=PARAMS.training.min_history_days,
    )
    rows = training_panel(
        known, origins, known_until=NEWEST_ORIGIN, horizon_days=42, params=PARAMS.features
    )
    recipe = small_recipe(PARAMS)
    blend = recipe.fit_all(rows, known_until=NEWEST_ORIGIN)
    return lambda rows: log_base(rows) + blend.predict_departures(rows)


def explained(panel: pl.DataFrame, typical: TypicalDay, predict: Predict) -> pl.DataFrame:
    return explain(panel, typical, predict, features=FEATURES, log_shift=LOG_SHIFT)


@pytest.fixture(scope="module")
def drivers(panel: pl.DataFrame, typical: TypicalDay, predict: Predict) -> pl.DataFrame:
    return explained(panel, typical, predict)


def linear_only(panel: pl.DataFrame) -> np.ndarray:
    """Predict the linear forecast itself."""
    return panel["base_log_sales"].cast(pl.Float64).to_numpy()


def total(rows: pl.DataFrame, unit: str) -> np.ndarray:
    return rows.select(pl.sum_horizontal(f"{part}_{unit}" for part in PARTS)).to_series().to_numpy()


def test_the_parts_add_up_to_the_forecast_in_log_units_and_in_sales(
    drivers: pl.DataFrame, panel: pl.DataFrame, predict: Predict
) -> None:
    log_forecast = predict(panel.filter("is_open")) + LOG_SHIFT
    assert np.abs(total(drivers, "log") - log_forecast).max() < 1e-12
    assert np.abs(total(drivers, "eur") - np.exp(log_forecast)).max() < 1e-8
    assert drivers.select(pl.selectors.float().is_finite().all()).row(0) == (True,) * 2 * len(PARTS)


def test_every_open_day_of_the_panel_is_explained_and_no_closed_one(
    drivers: pl.DataFrame, panel: pl.DataFrame
) -> None:
    assert_frame_equal(drivers.select(KEYS), panel.filter("is_open").select(KEYS))


def test_a_store_has_one_typical_day_and_every_day_one_bias_factor(drivers: pl.DataFrame) -> None:
    per_store = drivers.group_by("store_id").agg(
        pl.col("level_log", "level_eur", "bias_factor_log").n_unique()
    )
    assert per_store.drop("store_id").max().row(0) == (1, 1, 1)
    assert drivers["bias_factor_log"][0] == pytest.approx(LOG_SHIFT)


def test_promotion_days_are_lifted_by_the_promotion(
    drivers: pl.DataFrame, panel: pl.DataFrame
) -> None:
    rows = drivers.join(panel.select(*KEYS, "is_promo"), on=KEYS)
    on_promo = rows.filter(pl.col("is_promo") == 1)
    assert (on_promo["promo_log"] > 0).mean() > 0.99
    assert (on_promo["promo_eur"] > 0).mean() > 0.99
    without = rows.filter(pl.col("is_promo") == 0)
    assert without["promo_log"].abs().mean() < 0.1 * on_promo["promo_log"].mean()


def test_an_ordinary_wednesday_has_no_contribution_of_weekday_promotion_or_holidays(
    panel: pl.DataFrame, typical: TypicalDay
) -> None:
    rows = explained(panel, typical, linear_only).join(
        panel.select(*KEYS, "is_promo", "days_until_state_holiday", "is_school_holiday"), on=KEYS
    )
    ordinary = rows.filter(
        (pl.col("target_date").dt.weekday() == 3)
        & (pl.col("is_promo") == 0)
        & (pl.col("is_school_holiday") == 0)
        & (pl.col("days_until_state_holiday") > 3)
    )
    assert len(ordinary)
    for group in ("weekday", "promo", "competition"):
        assert ordinary[f"{group}_log"].abs().max() < 1e-5, group
    assert ordinary["holidays_log"].median() == pytest.approx(0, abs=1e-5)


def test_the_effect_of_a_feature_is_a_contribution_of_its_group(
    panel: pl.DataFrame, typical: TypicalDay
) -> None:
    """The model adds 0.1 per log metre of the competitor's distance to the linear forecast."""

    def planted(rows: pl.DataFrame) -> np.ndarray:
        distance = rows["competition_distance_log_m"].cast(pl.Float64).fill_nan(0).to_numpy()
        return linear_only(rows) + 0.1 * distance

    before = explained(panel, typical, linear_only)
    after = explained(panel, typical, planted)
    moved = [part for part in PARTS if not np.allclose(
        before[f"{part}_log"], after[f"{part}_log"], atol=5e-6)]  # fmt: skip
    assert moved == [LEVEL, "competition"]
    distance = panel.filter("is_open")["competition_distance_log_m"]
    expected = 0.1 * (distance - distance.fill_nan(None).median()).fill_nan(0)
    assert np.allclose(after["competition_log"], expected, atol=5e-6)


def test_the_linear_forecast_without_any_group_is_the_same_on_all_days(
    panel: pl.DataFrame, typical: TypicalDay
) -> None:
    board = Switchboard.of(panel, typical, FEATURES)
    nothing = board.with_groups(frozenset())
    for name in ("base_log_sales", "chain_shape", "own_shape"):
        spread = nothing.group_by("store_id").agg(pl.col(name).max() - pl.col(name).min())
        assert spread[name].max() < 1e-4, name
    assert_frame_equal(
        board.with_groups(frozenset(GROUPS)).select(FEATURES),
        panel.select(FEATURES),
        check_dtypes=False,
        rel_tol=1e-6,
    )


@pytest.mark.parametrize("group", ["weekday", "promo", "season", "trend"])
def test_a_group_that_is_left_out_is_noticed(
    panel: pl.DataFrame, typical: TypicalDay, group: str
) -> None:
    without = {
        name: np.zeros_like(part) if name == group else part for name, part in typical.own.items()
    }
    with pytest.raises(ValueError, match="a group is left out"):
        explained(panel, replace(typical, own=without), linear_only)


def test_every_feature_is_in_exactly_one_group() -> None:
    found = feature_groups(FEATURES)
    assert list(found) == FEATURES
    assert set(found.values()) == {LINEAR_FEATURES, LEVEL, *GROUPS}


def test_a_feature_without_a_group_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="feature weather_tomorrow belongs to no group"):
        feature_groups([*FEATURES, "weather_tomorrow"])


def test_contributions_are_shapley_values_if_only_two_groups_interact() -> None:
    def value(on: frozenset[str]) -> np.ndarray:
        a, b, c = ("a" in on), ("b" in on), ("c" in on)
        return np.array([10 + 1.0 * a + 2.0 * b - 3.0 * c + 0.5 * (a and b) - 4.0 * (b and c)])

    nothing, shares = contributions(value, ["a", "b", "c"])
    assert nothing == pytest.approx(10)
    assert {name: float(share[0]) for name, share in shares.items()} == pytest.approx(
        {"a": 1.25, "b": 2 + 0.25 - 2, "c": -3 - 2}
    )


def test_a_forecast_that_is_its_typical_day_has_no_parts_in_sales() -> None:
    logs = {LEVEL: np.log([100.0, 100.0]), "a": np.array([0.2, 0.3]), "b": np.array([-0.2, 0.1])}
    eur = in_sales(logs)
    assert eur["a"][0] == pytest.approx(20)
    assert eur["b"][0] == pytest.approx(-20)
    assert sum(part[1] for part in eur.values()) == pytest.approx(100 * np.exp(0.4))
    assert eur["a"][1] == pytest.approx(3 * eur["b"][1])


def test_the_same_inputs_give_the_same_drivers_to_the_last_bit(
    known: FeatureInputs, panel: pl.DataFrame, drivers: pl.DataFrame, predict: Predict
) -> None:
    again = TypicalDay.of(known, forecast_origin=NEWEST_ORIGIN, horizon_days=42)
    assert_frame_equal(explained(panel, again, predict), drivers, check_exact=True)


def test_sales_after_the_origin_change_no_driver_by_a_bit(known: FeatureInputs) -> None:
    origin = NEWEST_ORIGIN - timedelta(days=42)
    sales = known.sales.sales.copy()
    sales[:, (origin - known.sales.first_date).days + 1 :] *= 3
    later = replace(known, sales=replace(known.sales, sales=sales))

    def at(given: FeatureInputs) -> pl.DataFrame:
        rows = scoring_panel(given, forecast_origin=origin, horizon_days=42, params=PARAMS.features)
        typical = TypicalDay.of(given, forecast_origin=origin, horizon_days=42)
        return explained(rows, typical, linear_only)

    assert_frame_equal(at(later), at(known), check_exact=True)


def test_a_store_without_history_is_explained_too(known: FeatureInputs, predict: Predict) -> None:
    sales = known.sales.sales.copy()
    sales[3] = np.nan
    given = replace(known, sales=replace(known.sales, sales=sales))
    rows = scoring_panel(
        given, forecast_origin=NEWEST_ORIGIN, horizon_days=42, params=PARAMS.features
    )
    typical = TypicalDay.of(given, forecast_origin=NEWEST_ORIGIN, horizon_days=42)
    found = explained(rows, typical, predict)
    new = found.filter(pl.col("store_id") == int(known.stores.store_ids[3]))
    assert len(new)
    assert np.isfinite(total(new, "eur")).all()


def test_a_panel_that_does_not_fit_is_refused(panel: pl.DataFrame, typical: TypicalDay) -> None:
    other_day = panel.with_columns(pl.col("forecast_origin").dt.offset_by("-1d"))
    with pytest.raises(ValueError, match=r"2015, 6, 18.* does not fit 2015-06-19"):
        explained(other_day, typical, linear_only)
    other_store = panel.with_columns(pl.col("store_id") + 5000)
    with pytest.raises(ValueError, match="not in the store table"):
        explained(other_store, typical, linear_only)


def test_a_chain_without_an_ordinary_day_still_has_typical_days(known: FeatureInputs) -> None:
    always = replace(known.plan, is_promo=np.ones_like(known.plan.is_promo))
    typical = TypicalDay.of(
        replace(known, plan=always), forecast_origin=NEWEST_ORIGIN, horizon_days=42
    )
    for name, values in typical.features.items():
        assert values.shape == (len(known.stores.store_ids), 7), name
    assert np.isfinite(typical.features["is_promo"]).all()
