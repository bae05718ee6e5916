"""The linear forecast finds planted effects, shrinks with little data, and ignores later sales."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from rossmann_ml.features.grid import PlanGrid, SalesGrid, StoreGrid, weekdays
from rossmann_ml.features.linear import LinearForecast, linear_forecasts, recent_shift, running_sums
from rossmann_ml.features.linear_design import LinearDesign

FIRST_DAY = date(2013, 1, 1)
HISTORY_DAYS = 760
HORIZON_DAYS = 42
ORIGIN = FIRST_DAY + timedelta(days=HISTORY_DAYS - 1)
TYPES = ["a", "a", "a", "a", "d", "d", "d", "d"]
STORES = len(TYPES)
LEVELS = np.array([8.0, 8.1, 8.2, 8.1, 9.0, 9.1, 9.2, 9.1])
WEEKDAY_EFFECTS = np.array([0.2, 0.0, -0.05, -0.1, 0.05, 0.1, 0.0])
PROMO_EFFECT = 0.3
NOISE = 0.02


@pytest.fixture(scope="module")
def stores() -> StoreGrid:
    return StoreGrid.from_frame(
        pl.DataFrame(
            {
                "store_id": range(1, STORES + 1),
                "store_type": TYPES,
                "assortment": ["a"] * STORES,
                "state": ["BE"] * STORES,
            }
        )
    )


@pytest.fixture(scope="module")
def plan() -> PlanGrid:
    days = HISTORY_DAYS + HORIZON_DAYS + 21
    day_of_week = weekdays(FIRST_DAY, days)
    is_open = np.tile(day_of_week != 6, (STORES, 1))
    fortnight = (np.arange(days) + 1) // 7 % 2 == 0
    return PlanGrid(
        first_date=FIRST_DAY,
        is_open=is_open,
        is_promo=np.tile(fortnight & (day_of_week < 5), (STORES, 1)),
        state_holiday=np.zeros((STORES, days), np.int8),
        is_school_holiday=np.zeros((STORES, days), np.bool_),
    )


def expected_log_sales(plan: PlanGrid) -> np.ndarray:
    return (
        LEVELS[:, None]
        + WEEKDAY_EFFECTS[weekdays(FIRST_DAY, plan.days)]
        + PROMO_EFFECT * plan.is_promo
    )


@pytest.fixture(scope="module")
def history(plan: PlanGrid) -> SalesGrid:
    """Return sales, including days after the origin, which must not affect the forecast."""
    noise = np.random.default_rng(5).normal(0, NOISE, plan.is_open.shape)
    sales = np.where(plan.is_open, np.exp(expected_log_sales(plan) + noise), 0.0)
    return SalesGrid(FIRST_DAY, sales)


def forecast_at(
    origin: date, history: SalesGrid, plan: PlanGrid, stores: StoreGrid
) -> LinearForecast:
    (forecast,) = linear_forecasts(history, plan, stores, [origin])
    return forecast


def targets(forecast: LinearForecast) -> np.ndarray:
    start = (forecast.forecast_origin - FIRST_DAY).days + 1
    return forecast.log_sales(start, start + HORIZON_DAYS)


def horizon(values: np.ndarray) -> np.ndarray:
    return values[:, HISTORY_DAYS : HISTORY_DAYS + HORIZON_DAYS]


def assert_same_bits(one: LinearForecast, other: LinearForecast) -> None:
    assert np.array_equal(one.level, other.level)
    assert np.array_equal(one.coefficients, other.coefficients)
    assert np.array_equal(one.chain_coefficients, other.chain_coefficients)
    assert np.array_equal(targets(one), targets(other))


def test_it_recovers_planted_levels_weekdays_and_promotions(history, plan, stores) -> None:
    forecast = targets(forecast_at(ORIGIN, history, plan, stores))
    open_days = horizon(plan.is_open)
    error = (forecast - horizon(expected_log_sales(plan)))[open_days]
    assert np.sqrt(np.mean(error**2)) < 1.5 * NOISE


def test_a_store_gets_its_own_promotion_effect_and_not_the_chains(plan, history, stores) -> None:
    own_uplift = 0.2 * plan.is_promo[0]
    sales = history.sales.copy()
    sales[0] *= np.exp(own_uplift)
    forecast = targets(forecast_at(ORIGIN, replace(history, sales=sales), plan, stores))
    gain = forecast - targets(forecast_at(ORIGIN, history, plan, stores))
    promo = horizon(plan.is_promo)[0] & horizon(plan.is_open)[0]
    assert gain[0, promo].mean() == pytest.approx(0.2, abs=0.02)
    assert np.abs(gain[1:]).max() < 0.02


def test_a_store_with_few_days_follows_the_chain_where_it_has_seen_nothing(
    history, plan, stores
) -> None:
    young = history.sales.copy()
    promo_before = plan.is_promo[0] & (np.arange(plan.days) < HISTORY_DAYS)
    young[0, promo_before] = np.nan  # this store has had no promotion
    young[0, : HISTORY_DAYS - 60] = np.nan
    forecast = targets(forecast_at(ORIGIN, replace(history, sales=young), plan, stores))
    promo = horizon(plan.is_promo)[0]
    error = (forecast - horizon(expected_log_sales(plan)))[0, promo]
    assert np.abs(error).max() < 0.08


def test_a_store_without_history_gets_its_groups_level_and_the_chains_shape(
    history, plan, stores
) -> None:
    sales = history.sales.copy()
    sales[3], sales[7] = np.nan, np.nan
    forecast = forecast_at(ORIGIN, replace(history, sales=sales), plan, stores)
    assert forecast.level[3] == pytest.approx(forecast.level[:3].mean(), abs=0.05)
    assert forecast.level[7] == pytest.approx(forecast.level[4:7].mean(), abs=0.05)
    assert np.array_equal(forecast.coefficients[3], forecast.chain_coefficients[0])
    assert np.array_equal(forecast.coefficients[7], forecast.chain_coefficients[0])


def test_a_chain_without_any_history_still_gets_finite_numbers(history, plan, stores) -> None:
    nothing = replace(history, sales=np.full_like(history.sales, np.nan))
    assert np.isfinite(targets(forecast_at(ORIGIN, nothing, plan, stores))).all()


def test_sales_after_the_origin_change_nothing_by_a_bit(history, plan, stores) -> None:
    changed = history.sales.copy()
    changed[:, HISTORY_DAYS:] *= np.random.default_rng(6).uniform(0.1, 9, (STORES, 1))
    changed[2, HISTORY_DAYS:] = np.nan
    without = SalesGrid(FIRST_DAY, history.sales[:, :HISTORY_DAYS])
    before = forecast_at(ORIGIN, history, plan, stores)
    assert_same_bits(before, forecast_at(ORIGIN, replace(history, sales=changed), plan, stores))
    assert_same_bits(before, forecast_at(ORIGIN, without, plan, stores))


def test_a_sale_on_the_origin_counts(history, plan, stores) -> None:
    changed = history.sales.copy()
    assert plan.is_open[0, HISTORY_DAYS - 1]
    changed[0, HISTORY_DAYS - 1] *= 2
    before = forecast_at(ORIGIN, history, plan, stores)
    after = forecast_at(ORIGIN, replace(history, sales=changed), plan, stores)
    assert after.level[0] != before.level[0]


def test_days_without_sales_do_not_count_whether_missing_or_closed(history, plan, stores) -> None:
    closed, missing = history.sales.copy(), history.sales.copy()
    closed[1, 300:360], missing[1, 300:360] = 0.0, np.nan
    assert_same_bits(
        forecast_at(ORIGIN, replace(history, sales=closed), plan, stores),
        forecast_at(ORIGIN, replace(history, sales=missing), plan, stores),
    )


@pytest.mark.parametrize("earlier", [[30, 58, 400], [90, 91, 92, 182, 700], [758, 759]])
def test_an_origin_is_forecast_the_same_alone_and_after_others(
    history, plan, stores, earlier
) -> None:
    origins = [FIRST_DAY + timedelta(days=day) for day in earlier]
    *others, last = linear_forecasts(history, plan, stores, [*origins, ORIGIN])
    assert_same_bits(last, forecast_at(ORIGIN, history, plan, stores))
    for origin, other in zip(origins, others, strict=True):
        assert_same_bits(other, forecast_at(origin, history, plan, stores))


def test_origins_that_do_not_ascend_are_refused(history, plan, stores) -> None:
    with pytest.raises(ValueError, match="ascend"):
        list(linear_forecasts(history, plan, stores, [ORIGIN, ORIGIN - timedelta(days=1)]))


def test_the_newest_habit_counts_more_than_the_old(history, plan, stores) -> None:
    days = np.arange(plan.days)
    later_on = days >= HISTORY_DAYS // 2
    sales = history.sales.copy()
    sales[0] *= np.exp(0.2 * (plan.is_promo[0] & later_on))
    forecast = targets(forecast_at(ORIGIN, replace(history, sales=sales), plan, stores))
    gain = (forecast - targets(forecast_at(ORIGIN, history, plan, stores)))[0]
    promo, open_days = horizon(plan.is_promo)[0], horizon(plan.is_open)[0]
    assert gain[promo & open_days].mean() - gain[~promo & open_days].mean() > 0.11


def test_a_store_that_closes_early_at_carnival_is_expected_to_do_so_again(
    history, plan, stores
) -> None:
    sales = history.sales.copy()
    for rose_monday in (date(2013, 2, 11), date(2014, 3, 3)):
        sales[0, (rose_monday - FIRST_DAY).days] *= np.exp(-1.0)
    forecast = targets(forecast_at(ORIGIN, replace(history, sales=sales), plan, stores))
    change = forecast - targets(forecast_at(ORIGIN, history, plan, stores))
    next_one = (date(2015, 2, 16) - ORIGIN).days - 1
    assert change[0, next_one] < -0.3
    assert np.abs(change[1:, next_one]).max() < 0.15
    assert np.abs(np.delete(change, next_one, axis=1)).max() < 0.1


def test_each_day_counts_once_and_less_the_older_it_is(history, plan) -> None:
    weights = []
    for day in (0, 89, 90, 91, 92, 181, 182, 400, HISTORY_DAYS - 1):
        sales = np.full_like(history.sales, np.nan)
        sales[0, day] = 3000.0
        (sums,) = running_sums(
            replace(history, sales=sales), LinearDesign.from_plan(plan), [ORIGIN]
        )
        assert sums.stores[1:].max() == 0
        assert sums.chain[-2, -2] == pytest.approx(sums.store_totals[0, -2])
        weights.append(float(sums.stores[0, -2, -2]))
    assert weights == sorted(weights)
    assert weights[-1] == 1.0
    assert 0.3 < weights[0] < 0.7


def test_columns_times_coefficients_equal_the_product_of_all_rows(plan) -> None:
    design = LinearDesign.from_plan(plan)
    coefficients = np.random.default_rng(1).normal(size=(STORES, design.columns))
    coefficients = coefficients.astype(np.float32)
    laid_out = np.einsum("skd,sk->sd", design.rows(100, 160), coefficients)
    np.testing.assert_allclose(design.combine(coefficients, 100, 160), laid_out, atol=1e-4)


def test_a_school_holiday_matters_only_in_stores_that_have_it(plan) -> None:
    school = plan.is_school_holiday.copy()
    school[3, 200:214] = True
    before = LinearDesign.from_plan(plan).rows(0, plan.days)
    after = LinearDesign.from_plan(replace(plan, is_school_holiday=school)).rows(0, plan.days)
    changed = (before != after).any(axis=1)
    assert changed[3, 200:214].all()
    assert changed.sum() == 14


def test_the_recent_shift_is_shrunk_towards_zero_with_few_days() -> None:
    residuals = np.zeros((2, 120))
    observed = np.zeros((2, 120), np.bool_)
    residuals[0], observed[0] = 0.1, True
    residuals[1, -2:], observed[1, -2:] = 0.1, True
    shift = recent_shift(residuals, observed, np.zeros(120))
    assert shift[0] == pytest.approx(0.1, abs=0.02)
    assert 0 < shift[1] < 0.04


def test_the_recent_shift_excludes_changes_of_the_whole_chain() -> None:
    residuals = np.full((3, 100), 0.2)
    observed = np.ones((3, 100), np.bool_)
    assert np.allclose(recent_shift(residuals, observed, np.full(100, 0.2)), 0.0)
