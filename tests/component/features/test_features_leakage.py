"""Sales after an origin change no feature, forecast or reference as of that origin."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.chain import (
    NEWEST_ORIGIN,
    bundle_of,
    folds_of,
    inputs,
    small_params,
    small_recipe,
)
from threadpoolctl import threadpool_info, threadpool_limits

from rossmann_ml.evaluation.baselines import baseline_forecasts
from rossmann_ml.features.panel import (
    FeatureInputs,
    scoring_panel,
    training_origins,
    training_panel,
)

PARAMS = small_params()
ORIGIN = NEWEST_ORIGIN - timedelta(days=42)
RELAXED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)


@pytest.fixture(scope="module")
def known(sample_dir: Path) -> FeatureInputs:
    return inputs(sample_dir)


def altered(known: FeatureInputs, days_after: int, seed: int, scale: float) -> FeatureInputs:
    """Return the inputs with other sales from ``days_after`` days after the origin on."""
    column = (ORIGIN - known.sales.first_date).days + days_after
    sales = known.sales.sales.copy()
    noise = np.random.default_rng(seed)
    later = sales[:, column:]
    later *= scale
    later[noise.random(later.shape) < 0.1] = np.nan
    later[noise.random(later.shape) < 0.1] = 0
    later[noise.random(later.shape) < 0.1] = 1e6
    return replace(known, sales=replace(known.sales, sales=sales))


def panel_at(given_inputs: FeatureInputs, origin: date = ORIGIN) -> pl.DataFrame:
    return scoring_panel(
        given_inputs, forecast_origin=origin, horizon_days=42, params=PARAMS.features
    )


def forecast_at_origin(given_inputs: FeatureInputs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Run all steps of a forecast: training panel, backtests, calibration, fit, scoring."""
    recipe = small_recipe(PARAMS)
    origins = training_origins(
        ORIGIN,
        first_day=given_inputs.sales.first_date,
        step_days=42,
        count=12,
        min_history_days=PARAMS.training.min_history_days,
    )
    panel = training_panel(
        given_inputs, origins, known_until=ORIGIN, horizon_days=42, params=PARAMS.features
    )
    folds = folds_of(given_inputs, panel, recipe, ORIGIN)
    bundle = bundle_of(recipe, panel, folds, ORIGIN, given_inputs)
    return panel, bundle.forecast(panel_at(given_inputs))


@given(
    days_after=st.integers(1, 42),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.0, 0.5, 3.0, 1e6]),
)
@settings(RELAXED, max_examples=25)
def test_changing_sales_after_the_origin_changes_no_feature_by_a_bit(
    known: FeatureInputs, days_after: int, seed: int, scale: float
) -> None:
    assert_frame_equal(
        panel_at(altered(known, days_after, seed, scale)), panel_at(known), check_exact=True
    )


@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.0, 2.0]))
@settings(RELAXED, max_examples=2)
def test_changing_sales_after_the_origin_changes_no_trained_forecast_by_a_bit(
    known: FeatureInputs, seed: int, scale: float
) -> None:
    panel, forecasts = forecast_at_origin(known)
    other_panel, other_forecasts = forecast_at_origin(altered(known, 1, seed, scale))
    assert_frame_equal(other_panel, panel, check_exact=True)
    assert_frame_equal(other_forecasts, forecasts, check_exact=True)


@given(seed=st.integers(0, 2**32 - 1))
@settings(RELAXED, max_examples=5)
def test_changing_sales_after_the_origin_changes_no_baseline(
    known: FeatureInputs, seed: int
) -> None:
    before, after = (
        baseline_forecasts(given_inputs, forecast_origin=ORIGIN, horizon_days=42)
        for given_inputs in (known, altered(known, 1, seed, 2.0))
    )
    assert_frame_equal(after, before, check_exact=True)


def test_changing_sales_on_the_origin_changes_features(known: FeatureInputs) -> None:
    # the change of the tests above one day earlier, where it must have an effect
    before, after = panel_at(known), panel_at(altered(known, 0, 7, 3.0))
    moved = [name for name in before.columns if not before[name].equals(after[name])]
    assert any(name.startswith("residual_") for name in moved)
    assert "base_log_sales" in moved


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_features_are_the_same_bits_whatever_threads_blas_may_use(
    known: FeatureInputs, threads: int
) -> None:
    expected = panel_at(known)
    assert threadpool_info(), "the library is loaded"
    with threadpool_limits(threads, user_api="blas"):
        assert_frame_equal(panel_at(known), expected, check_exact=True)


def test_training_rows_have_no_target_after_what_is_known(known: FeatureInputs) -> None:
    panel = training_panel(
        known,
        [ORIGIN - timedelta(days=14)],
        known_until=ORIGIN,
        horizon_days=42,
        params=PARAMS.features,
    )
    assert panel["target_date"].max() == ORIGIN
    assert panel["horizon_days"].max() == 14


def test_the_panel_of_a_training_origin_is_the_one_that_would_have_been_scored(
    known: FeatureInputs,
) -> None:
    training = training_panel(
        known, [ORIGIN], known_until=NEWEST_ORIGIN, horizon_days=42, params=PARAMS.features
    )
    scored = panel_at(known).join(
        training.select("store_id", "target_date", "sales"),
        on=["store_id", "target_date"],
        maintain_order="left",
    )
    assert_frame_equal(scored.drop("is_open"), training, check_exact=True)
