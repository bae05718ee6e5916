"""Both ridge regressions compared with least squares, where a penalty is an additional observation.

See the docstrings and comments of ``rossmann_ml.features.linear`` for the definitions, and
``support.linear_reference`` for the reference, with every penalty as a number.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import frozen_world, linear_reference
from support.random_world import random_inputs

from rossmann_ml.features.grid import SalesGrid
from rossmann_ml.features.linear import LinearForecast, linear_forecasts, running_sums
from rossmann_ml.features.linear_design import LinearDesign
from rossmann_ml.features.panel import FeatureInputs

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

FIRST_DAY = date(2013, 9, 2)


def forecast_of(inputs: FeatureInputs, origin: date) -> LinearForecast:
    (forecast,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [origin])
    return forecast


def solved(inputs: FeatureInputs, rows: np.ndarray, origin: date) -> linear_reference.Solution:
    days = (origin - inputs.plan.first_date).days + 1
    return linear_reference.solve(
        linear_reference.COLUMNS,
        rows,
        inputs.sales.sales[:, :days],
        inputs.stores.groups().tolist(),
    )


def assert_solution(
    forecast: LinearForecast, expected: linear_reference.Solution, tolerance: float
) -> None:
    for found, wanted in (
        (forecast.chain_coefficients, expected.chain[None, :]),
        (forecast.coefficients, expected.stores),
        (forecast.level, expected.level),
    ):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("origin", [frozen_world.ORIGIN, date(2013, 4, 2)])
def test_the_forecast_of_the_frozen_world_is_the_dense_solution(origin: date) -> None:
    inputs = frozen_world.inputs()
    forecast = forecast_of(inputs, origin)
    assert forecast.forecast_origin == origin
    # 32-bit sums of up to 750 days
    assert_solution(
        forecast, solved(inputs, linear_reference.frozen_rows(), origin), tolerance=1e-5
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    stores=st.integers(1, 3),
    days=st.sampled_from([1, 30, 91, 92, 100]),
)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_the_forecast_of_any_chain_is_the_dense_solution(seed: int, stores: int, days: int) -> None:
    inputs = random_inputs(seed, stores=stores, days=days, ahead=7, first_day=FIRST_DAY)
    origin = FIRST_DAY + timedelta(days=days - 1)
    # 32-bit sums of up to 100 days
    expected = solved(inputs, linear_reference.rows(inputs.plan), origin)
    assert_solution(forecast_of(inputs, origin), expected, tolerance=5e-6)


def test_a_store_with_one_old_sale_counts_with_the_weight_of_that_day() -> None:
    inputs = random_inputs(8, stores=3, days=200, ahead=7, first_day=FIRST_DAY)
    sales = inputs.sales.sales.copy()
    sales[1] = np.nan
    sales[1, 20] = 9000.0
    once = replace(inputs, sales=replace(inputs.sales, sales=sales))
    origin = FIRST_DAY + timedelta(days=199)
    expected = solved(once, linear_reference.rows(inputs.plan), origin)
    assert_solution(forecast_of(once, origin), expected, tolerance=5e-6)


def test_a_chain_without_any_sale_is_expected_at_a_drugstores_level() -> None:
    inputs = random_inputs(1, stores=2, days=5, first_day=FIRST_DAY)
    nothing = SalesGrid(FIRST_DAY, np.full((2, 5), np.nan))
    design = LinearDesign.from_plan(inputs.plan)
    (sums,) = running_sums(nothing, design, [FIRST_DAY])
    forecast = LinearForecast.fit(sums, design, np.array([0, 1]))
    assert forecast.level.tolist() == [8.5, 8.5]
    assert not forecast.coefficients.any()
    assert forecast.log_sales(0, 5).tolist() == [[8.5] * 5] * 2


def test_a_store_without_history_gets_the_chains_columns_and_its_groups_level() -> None:
    inputs = random_inputs(6, stores=3, days=120, first_day=FIRST_DAY)
    sales = np.exp(np.random.default_rng(6).normal(8.0, 0.3, (3, 120)))
    sales[1] *= 2
    sales[2] = np.nan
    design = LinearDesign.from_plan(inputs.plan)
    (sums,) = running_sums(SalesGrid(FIRST_DAY, sales), design, [FIRST_DAY + timedelta(days=119)])
    beside_first = LinearForecast.fit(sums, design, np.array([0, 1, 0]))
    beside_second = LinearForecast.fit(sums, design, np.array([0, 1, 1]))
    np.testing.assert_array_equal(beside_first.coefficients[2], beside_first.chain_coefficients[0])
    assert beside_second.level[2] - beside_first.level[2] == pytest.approx(np.log(2), abs=0.12)


def test_the_forecast_is_the_level_plus_the_part_of_the_columns() -> None:
    inputs = frozen_world.inputs()
    forecast = forecast_of(inputs, date(2013, 4, 2))
    first, last = 80, 120
    rows = forecast.design.rows(first, last).astype(np.float64)
    own = np.einsum("skd,sk->sd", rows, forecast.coefficients.astype(np.float64))
    chain = np.einsum("skd,k->sd", rows, forecast.chain_coefficients[0].astype(np.float64))
    near = {"rtol": 0, "atol": 2e-6}  # 32-bit products
    np.testing.assert_allclose(forecast.own_shape(first, last), own, **near)
    np.testing.assert_allclose(forecast.chain_shape(first, last), chain, **near)
    expected = own + forecast.level[:, None]
    np.testing.assert_allclose(forecast.log_sales(first, last), expected, **near)


def test_each_origin_has_its_own_forecast_in_order() -> None:
    inputs = frozen_world.inputs()
    origins = [date(2013, 2, 1), date(2013, 6, 1)]
    found = list(linear_forecasts(inputs.sales, inputs.plan, inputs.stores, origins))
    assert [forecast.forecast_origin for forecast in found] == origins
    for forecast, origin in zip(found, origins, strict=True):
        np.testing.assert_array_equal(forecast.level, forecast_of(inputs, origin).level)
