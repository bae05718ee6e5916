"""History features at the limits of histories, plans and windows.

See the docstrings of ``rossmann_ml.features.history``, its modules and ``residuals`` for the
definitions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from support import frozen_world

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.cell_means import CellLevels
from rossmann_ml.features.grid import PlanGrid, SalesGrid, weekdays
from rossmann_ml.features.history import (
    expectations,
    history_features,
)
from rossmann_ml.features.history.chain import GROUP as CHAIN
from rossmann_ml.features.history.last_year import GROUP as LAST_YEAR
from rossmann_ml.features.history.month_edges import GROUP as MONTH_EDGES
from rossmann_ml.features.history.recent import GROUP as RECENT
from rossmann_ml.features.linear import LinearForecast, linear_forecasts
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.features.residuals import Past, as_of_origin, mean_or_nan

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

INPUTS = frozen_world.inputs()
PARAMS = frozen_world.PARAMS
ORIGIN = date(2013, 3, 28)
WINDOWS = FeatureParams(half_lives_days=[60], residual_windows_days=[7])


def linear_at(origin: date, inputs: FeatureInputs = INPUTS) -> LinearForecast:
    (linear,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [origin])
    return linear


def features_of(inputs: FeatureInputs, linear: LinearForecast):
    return history_features(
        inputs.sales, inputs.plan, inputs.stores, linear, horizon_days=5, params=PARAMS
    )


def plan_from(first: date, last: date) -> PlanGrid:
    plan = INPUTS.plan
    days = slice(plan.column(first), plan.column(last) + 1)
    return PlanGrid(
        first,
        plan.is_open[:, days],
        plan.is_promo[:, days],
        plan.state_holiday[:, days],
        plan.is_school_holiday[:, days],
    )


def past_of(residuals: np.ndarray, observed: np.ndarray | None = None) -> Past:
    """Build a ``Past`` from 2013-01-01 on, without promotions, with all stores in one state."""
    seen = np.ones_like(residuals, np.bool_) if observed is None else observed
    residuals = np.where(seen, residuals, 0.0)
    chain = residuals.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    stores, days = residuals.shape
    first = date(2013, 1, 1)
    return Past(
        first_date=first,
        weekdays=weekdays(first, days),
        is_promo=np.zeros((1, days), np.bool_),
        observed=seen,
        residuals=residuals,
        chain=chain,
        states=chain[None, :],
        state_of_store=np.zeros(stores, np.int64),
        levels=[],
        shift=np.zeros(stores),
        params=WINDOWS,
    )


def single(day_ago: int, days: int = 800) -> Past:
    """Build a ``Past`` of one store with a single residual of 1.0, ``day_ago`` days ago."""
    observed = np.zeros((1, days), np.bool_)
    observed[0, days - 1 - day_ago] = True
    return past_of(np.ones((1, days)), observed)


def recent_of(past: Past, horizon_days: int = 1) -> dict[str, np.ndarray]:
    return {**RECENT.compute(past, horizon_days), **CHAIN.compute(past, horizon_days)}


def last_year_of(past: Past, horizon_days: int) -> dict[str, np.ndarray]:
    return {**LAST_YEAR.compute(past, horizon_days)}


def test_a_plan_that_just_covers_history_and_horizon_is_enough() -> None:
    linear, plan = linear_at(ORIGIN), plan_from(date(2013, 1, 1), ORIGIN + timedelta(days=5))
    enough = features_of(replace(INPUTS, plan=plan), linear=linear)
    for name, values in features_of(INPUTS, linear=linear).items():
        np.testing.assert_array_equal(enough[name], values)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (
            date(2013, 1, 1),
            ORIGIN + timedelta(days=4),
            "covers 2013-01-01 to 2013-04-01, not 2013-03-29 and the 4 days after it",
        ),
        (
            date(2013, 1, 2),
            ORIGIN + timedelta(days=9),
            "covers 2013-01-02 to 2013-04-06, not 2013-01-01 and the 86 days after it",
        ),
    ],
)
def test_a_plan_that_lacks_a_day_is_refused_by_name(first: date, last: date, message: str) -> None:
    short = replace(INPUTS, plan=plan_from(first, last))
    with pytest.raises(ValueError, match=message):
        features_of(short, linear=linear_at(ORIGIN))


def test_features_are_computed_from_sales_up_to_the_origin() -> None:
    linear = linear_at(ORIGIN)
    known = as_of_origin(INPUTS.sales, INPUTS.plan, INPUTS.stores, linear, PARAMS)
    days = (ORIGIN - frozen_world.FIRST_DAY).days + 1
    sales = INPUTS.sales.sales[:, :days]
    assert known.observed.tolist() == (sales > 0).tolist()
    residuals = np.log(np.where(sales > 0, sales, np.nan)) - linear.log_sales(0, days)
    np.testing.assert_array_equal(known.residuals, np.nan_to_num(residuals))
    features = features_of(INPUTS, linear=linear)
    np.testing.assert_array_equal(features["recent_shift"], known.shift.astype(np.float32)[:, None])
    assert [levels.cells.shape for levels in known.levels] == [(12, 14)] * 3
    expected = expectations(linear, known, INPUTS.plan, horizon_days=5)
    for name, values in expected.items():
        np.testing.assert_array_equal(features[name], values.astype(np.float32))


def test_stores_of_unknown_state_are_one_state_and_the_chain_is_the_daily_mean() -> None:
    known = as_of_origin(INPUTS.sales, INPUTS.plan, INPUTS.stores, linear_at(ORIGIN), PARAMS)
    # alphabetical order: BE, BW, HE, NW, TH are 1 to 5
    assert known.state_of_store.tolist() == [3, 5, 4, 1, 2, 4, 0, 3, 5, 1, 2, 4]
    day = (date(2013, 3, 1) - frozen_world.FIRST_DAY).days
    seen = known.observed[:, day]
    assert known.chain[day] == pytest.approx(known.residuals[seen, day].mean())
    assert known.states[0, day] == known.residuals[6, day]
    assert known.states[5, day] == pytest.approx(known.residuals[[1, 8], day].mean())
    sunday = (date(2013, 3, 3) - frozen_world.FIRST_DAY).days
    assert known.states[[0, 1, 3, 4, 5], sunday].tolist() == [0.0] * 5
    assert known.states[2, sunday] == known.residuals[4, sunday] == known.chain[sunday]


def test_a_mean_without_days_is_unknown_and_of_one_day_is_its_value() -> None:
    means = mean_or_nan(np.array([0.0, 3.0, 3.0]), np.array([0, 1, 2]))
    np.testing.assert_array_equal(means, [np.nan, 3.0, 1.5])


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("residual_7d", 7),
        ("residual_no_promo_56d", 56),
        ("residual_std_182d", 182),
    ],
)
def test_a_window_holds_its_last_day_and_not_the_day_before(name: str, days: int) -> None:
    assert np.isfinite(recent_of(single(days - 1))[name]).all()
    assert np.isnan(recent_of(single(days))[name]).all()


@pytest.mark.parametrize("days", [7, 28])
def test_the_chains_residual_is_zero_where_nothing_was_sold(days: int) -> None:
    name = f"chain_residual_{days}d"
    assert recent_of(single(days - 1))[name].tolist() == [[1.0]]
    assert recent_of(single(days))[name].tolist() == [[0.0]]


def test_target_weekdays_continue_from_the_origin() -> None:
    # 57 days: the oldest, on the origin's weekday, is outside the window of 56 days
    residuals = np.arange(57.0)[None, :]
    found = recent_of(past_of(residuals), horizon_days=8)["residual_same_weekday_56d"]
    newest = [np.arange(56 - 6 + n, 0, -7).mean() for n in range(7)]
    assert found.tolist() == [pytest.approx([*newest, newest[0]])]


def test_a_spread_is_zero_where_all_days_are_alike() -> None:
    # by rounding, the mean of squares minus the squared mean can be slightly negative
    for value in (0.1, 0.3, 0.7, 1.1):
        for days in range(170, 182):
            found = recent_of(past_of(np.full((1, days), value)))["residual_std_182d"]
            assert found[0, 0] == pytest.approx(0.0, abs=1e-6)
    ones = recent_of(past_of(np.tile([-1.0, 1.0], 100)[None, :]))["residual_std_182d"]
    assert ones[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "days_back", "half"),
    [
        ("last_year_store", 364, 0),
        ("last_year_store_7d", 364, 3),
        ("last_year_store_21d", 364, 10),
        ("last_year_chain", 364, 0),
        ("last_year_chain_7d", 364, 3),
        ("last_year_state_7d", 364, 3),
        ("year_before_chain_7d", 728, 3),
        ("year_before_store_21d", 728, 10),
    ],
)
def test_a_year_ago_is_52_weeks_before_the_target_day(name: str, days_back: int, half: int) -> None:
    for ahead in (1, 42):
        for distance in (half, -half, half + 1, -half - 1):
            day_ago = days_back - ahead + distance
            found = last_year_of(single(day_ago), 42)[name][0, ahead - 1]
            assert np.isfinite(found) == (abs(distance) <= half)


@pytest.mark.parametrize("name", ["last_year_change", "last_year_chain_change"])
def test_the_change_of_a_year_ago_starts_from_the_21_days_up_to_that_origin(name: str) -> None:
    observed = np.zeros((1, 800), np.bool_)
    target, origin = 799 + 1 - 364, 799 - 364
    for first, last, known in (
        (origin - 20, origin - 20, True),
        (origin - 21, origin - 21, False),
        (origin, origin, True),
    ):
        seen = observed.copy()
        seen[0, [first, last, target + 10]] = True
        residuals = np.where(np.arange(800) > origin, 3.0, 1.0)[None, :]
        found = last_year_of(past_of(residuals, seen), 1)[name][0, 0]
        assert np.isfinite(found) == known
    # at the origin both windows contain the day: (1 + 3) / 2 - 1
    assert found == pytest.approx(1.0)


@pytest.mark.parametrize(("days", "known"), [(364, False), (363, False), (365, True)])
def test_a_history_of_a_year_and_a_day_contains_the_first_target_a_year_ago(
    days: int, known: bool
) -> None:
    found = last_year_of(past_of(np.ones((1, days))), 1)
    assert np.isfinite(found["last_year_store"][0, 0]) == (days >= 364)
    assert np.isfinite(found["last_year_change"][0, 0]) == known


def test_features_of_a_year_ago_are_unknown_with_a_few_days_of_history() -> None:
    for values in last_year_of(past_of(np.ones((1, 4))), 42).values():
        assert np.isnan(values).all()


def test_month_edges_are_three_days_each_among_the_last_364() -> None:
    # 400 days from 2013-01-01 to 2014-02-04; the last 364 begin on 2013-02-06
    first = date(2013, 1, 1)
    expected = {"month_start_residual": {1, 2, 3}, "month_end_residual": {-1, -2, -3}}
    for number in range(400):
        day = first + timedelta(days=number)
        next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        from_end = (day - next_month).days
        found = MONTH_EDGES.compute(single(399 - number, days=400), 1)
        for name, edge in expected.items():
            is_edge = bool(edge & {day.day, from_end})
            assert np.isfinite(found[name]).all() == (is_edge and number >= 400 - 364)


def test_days_with_sales_are_counted_to_their_limits() -> None:
    days = 420
    sales = np.full((6, days), np.nan)
    for row, day_ago in enumerate((0, 90, 91, 363, 364, 399)):
        sales[row, days - 1 - day_ago] = 1000.0
    plan = PlanGrid(
        date(2013, 1, 1),
        np.ones((6, days + 1), np.bool_),
        np.zeros((6, days + 1), np.bool_),
        np.zeros((6, days + 1), np.int8),
        np.zeros((6, days + 1), np.bool_),
    )
    stores = frozen_world.store_frame().head(6)
    grid = SalesGrid(date(2013, 1, 1), sales)
    inputs = FeatureInputs(type(INPUTS.stores).from_frame(stores), grid, plan)
    origin = date(2013, 1, 1) + timedelta(days=days - 1)

    def made(known: FeatureInputs) -> dict[str, list[float]]:
        (linear,) = linear_forecasts(known.sales, plan, known.stores, [origin])
        features = history_features(
            known.sales, plan, known.stores, linear, horizon_days=1, params=PARAMS
        )
        return {name: values[:, 0].tolist() for name, values in features.items()}

    features = made(inputs)
    assert features["days_since_observed"] == [0, 90, 91, 363, 364, 399]
    assert features["observed_days_91d"] == [1, 1, 0, 0, 0, 0]
    assert features["observed_days_364d"] == [1, 1, 1, 1, 0, 0]
    older = np.roll(sales, -1, axis=1)
    assert made(replace(inputs, sales=replace(grid, sales=older)))["days_since_observed"][5] == 400
    oldest = np.roll(sales, -2, axis=1)
    assert made(replace(inputs, sales=replace(grid, sales=oldest)))["days_since_observed"][5] == 400


def test_levels_come_from_the_shortest_and_the_longest_half_life() -> None:
    linear = linear_at(ORIGIN)
    known = as_of_origin(INPUTS.sales, INPUTS.plan, INPUTS.stores, linear, PARAMS)
    features = features_of(INPUTS, linear=linear)
    short, _, long = known.levels
    np.testing.assert_array_equal(features["store_level"][:, 0], long.level.astype(np.float32))
    np.testing.assert_array_equal(
        features["level_trend"][:, 0], (short.level - long.level).astype(np.float32)
    )


def test_the_cells_of_target_days_are_those_of_their_weekday_and_promotion() -> None:
    linear = linear_at(ORIGIN)
    known = as_of_origin(INPUTS.sales, INPUTS.plan, INPUTS.stores, linear, PARAMS)
    numbered = np.tile(np.arange(14.0), (12, 1))
    levels = [CellLevels(numbered, np.zeros(12)) for _ in known.levels]
    expected = expectations(linear, replace(known, levels=levels), INPUTS.plan, horizon_days=14)
    cells = expected["cell_difference_60d"] + expected["base_log_sales"]
    first = ORIGIN + timedelta(days=1)
    for ahead in range(14):
        day = first + timedelta(days=ahead)
        cell = day.weekday() + 7 * frozen_world.is_promo(day)
        assert cells[0, ahead] == pytest.approx(cell)
