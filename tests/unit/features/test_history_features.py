"""Every history feature compared with a reference that computes its meaning from labelled dates.

See ``history_feature_names`` and the docstrings of ``rossmann_ml.features.history`` for the
definitions, and ``support.history_reference`` for the reference.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import frozen_world, history_reference
from support.feature_tests import with_own_test
from support.random_world import random_inputs

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.history import history_feature_names, history_features
from rossmann_ml.features.linear import LinearForecast, linear_forecasts
from rossmann_ml.features.linear_design import LinearDesign
from rossmann_ml.features.panel import FeatureInputs

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

# features are 32-bit floats of up to 10
FLOAT32 = {"rtol": 1e-6, "atol": 2e-6}
FIRST_DAY = date(2013, 1, 1)
# the whole history, a year and two weeks, a month, and the first day only
ORIGINS = {
    frozen_world.ORIGIN: [1, 12, 42],
    date(2014, 1, 14): [1, 7],
    date(2013, 2, 5): [1, 42],
    date(2013, 1, 1): [1],
}
MADE = list(history_feature_names(frozen_world.PARAMS))
OTHERS = with_own_test("rossmann_ml.features.history", frozen_world.PARAMS)
NAMES = [name for name in MADE if name not in OTHERS]


def expected_features(
    inputs: FeatureInputs,
    linear: LinearForecast,
    ahead: list[int],
    params: FeatureParams = frozen_world.PARAMS,
) -> dict[str, np.ndarray]:
    shape = inputs.plan.is_open.shape
    return history_reference.features(
        inputs,
        linear.log_sales(0, inputs.plan.days),
        np.broadcast_to(linear.chain_shape(0, inputs.plan.days), shape),
        linear.own_shape(0, inputs.plan.days),
        origin=linear.forecast_origin,
        ahead=ahead,
        half_lives=params.half_lives_days,
        windows=params.residual_windows_days,
    )


def made_features(
    inputs: FeatureInputs,
    linear: LinearForecast,
    ahead: list[int],
    params: FeatureParams = frozen_world.PARAMS,
) -> dict[str, np.ndarray]:
    made = history_features(
        inputs.sales,
        inputs.plan,
        inputs.stores,
        linear,
        horizon_days=max(ahead),
        params=params,
    )
    shape = (len(inputs.stores.store_ids), max(ahead))
    columns = [days - 1 for days in ahead]
    return {name: np.broadcast_to(values, shape)[:, columns] for name, values in made.items()}


@cache
def of_frozen_world(origin: date) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return computed and expected features as of an origin."""
    inputs, ahead = frozen_world.inputs(), ORIGINS[origin]
    (linear,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [origin])
    return made_features(inputs, linear, ahead), expected_features(inputs, linear, ahead)


@pytest.mark.parametrize("name", NAMES)
def test_a_history_feature_of_the_frozen_world_equals_its_reference(name: str) -> None:
    for origin in ORIGINS:
        made, expected = of_frozen_world(origin)
        np.testing.assert_allclose(made[name], expected[name], **FLOAT32, err_msg=str(origin))


def test_every_history_feature_has_a_reference_and_comes_in_column_order() -> None:
    made, expected = of_frozen_world(frozen_world.ORIGIN)
    assert list(made) == MADE
    assert set(expected) == set(NAMES)
    assert {values.dtype for values in made.values()} == {np.dtype(np.float32)}


@given(
    seed=st.integers(0, 2**32 - 1),
    stores=st.integers(1, 3),
    days=st.sampled_from([1, 6, 28, 57, 183, 364, 365, 385, 400, 402, 740]),
    plan_before=st.sampled_from([0, 3]),
)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_every_history_feature_of_a_random_chain_equals_its_reference(
    seed: int, stores: int, days: int, plan_before: int
) -> None:
    inputs = random_inputs(
        seed, stores=stores, days=days, ahead=9, first_day=FIRST_DAY, plan_before=plan_before
    )
    rng = np.random.default_rng(seed)
    design = LinearDesign.from_plan(inputs.plan)

    def some(rows: int) -> np.ndarray:
        return rng.normal(0, 0.1, (rows, design.columns)).astype(np.float32)

    linear = LinearForecast(
        FIRST_DAY + timedelta(days=days - 1),
        design,
        some(1),
        some(stores),
        rng.normal(8, 1, stores),
    )
    params = FeatureParams(half_lives_days=[5, 90], residual_windows_days=[1, 10, 300])
    ahead = [1, 9]
    made = made_features(inputs, linear, ahead, params)
    expected = expected_features(inputs, linear, ahead, params)
    for name, values in expected.items():
        np.testing.assert_allclose(made[name], values, **FLOAT32, err_msg=name)
