"""The reference forecasts compared with values looked up day by day.

See the docstring of ``baseline_forecasts`` for the definitions.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from statistics import median

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE, baseline_forecasts
from rossmann_ml.features.grid import PlanGrid, SalesGrid, StoreGrid
from rossmann_ml.features.panel import FeatureInputs

FIRST = date(2014, 1, 1)  # a Wednesday
DAY = timedelta(days=1)


def inputs_of(sales: np.ndarray, is_promo: np.ndarray, *, plan_before: int = 0) -> FeatureInputs:
    """Build the inputs of stores 1, 2, ...; the plan may begin before the sales."""
    store_ids = range(1, len(sales) + 1)
    stores = StoreGrid.from_frame(pl.DataFrame({"store_id": store_ids}))
    plan = PlanGrid(
        FIRST - plan_before * DAY,
        np.ones_like(is_promo),
        is_promo,
        np.zeros(is_promo.shape, np.int8),
        np.zeros_like(is_promo),
    )
    return FeatureInputs(stores, SalesGrid(FIRST, sales), plan)


def expected(inputs: FeatureInputs, store: int, origin: date, target: date) -> tuple[float, float]:
    """Look up both references, newest day first; NaN without any day."""

    def is_promo(day: date) -> bool:
        return bool(inputs.plan.is_promo[store, (day - inputs.plan.first_date).days])

    known = []
    for back in range(365):
        day = origin - back * DAY
        if day >= inputs.sales.first_date:
            sold = float(inputs.sales.sales[store, (day - inputs.sales.first_date).days])
            if sold > 0:  # a day with sales: neither closed nor unknown
                known.append((day, sold))
    weekday = [(day, sold) for day, sold in known if day.weekday() == target.weekday()]
    cell = [(day, sold) for day, sold in weekday if is_promo(day) == is_promo(target)]
    naive = weekday[0][1] if weekday else math.nan
    days = cell or weekday or known
    return naive, median(sold for _, sold in days) if days else math.nan


def drawn(seed: int, *, stores: int, days: int, after: int) -> FeatureInputs:
    """Draw sales with closed and unknown days, a store without sales, and days after the origin."""
    random = np.random.default_rng(seed)
    shape = (stores, days + after)
    sales = random.integers(1, 500, shape).astype(float)
    sales[random.random(shape) < 0.3] = 0
    sales[random.random(shape) < 0.2] = np.nan
    if stores > 1:
        sales[1] = np.nan
    return inputs_of(sales, random.random((stores, 3 + days + 20)) < 0.4, plan_before=3)


@given(
    seed=st.integers(0, 10_000),
    stores=st.integers(1, 3),
    days=st.sampled_from([1, 3, 10, 25, 364, 365, 366, 380]),
    after=st.sampled_from([0, 5]),
    horizon_days=st.integers(1, 9),
)
@settings(max_examples=16, deadline=None, derandomize=True)
def test_both_references_are_what_looking_them_up_day_by_day_gives(
    seed: int, stores: int, days: int, after: int, horizon_days: int
) -> None:
    inputs = drawn(seed, stores=stores, days=days, after=after)
    origin = FIRST + (days - 1) * DAY
    found = baseline_forecasts(inputs, forecast_origin=origin, horizon_days=horizon_days)
    assert found.columns == ["store_id", "target_date", SEASONAL_NAIVE, MEDIAN]
    wanted = [
        (store + 1, target, *expected(inputs, store, origin, target))
        for store in range(stores)
        for target in (origin + number * DAY for number in range(1, horizon_days + 1))
    ]
    assert found.select("store_id", "target_date").rows() == [row[:2] for row in wanted]
    for column, name in enumerate((SEASONAL_NAIVE, MEDIAN), start=2):
        np.testing.assert_array_equal(found[name].to_numpy(), [row[column] for row in wanted])


def one_store(days: int, sold: dict[int, float], promo: set[int] = frozenset()) -> FeatureInputs:  # type: ignore[assignment]
    """Build one store by days before the origin; 0 is the origin, negative days are after it."""
    sales = np.full((1, days), np.nan)
    is_promo = np.zeros((1, days + 14), dtype=bool)
    for back, value in sold.items():
        sales[0, days - 1 - back] = value
    for back in promo:
        is_promo[0, days - 1 - back] = True
    return inputs_of(sales, is_promo)


def answers(inputs: FeatureInputs, days: int, *, ahead: int) -> tuple[float, float]:
    """Return both references of one target day."""
    origin = FIRST + (days - 1) * DAY
    found = baseline_forecasts(inputs, forecast_origin=origin, horizon_days=ahead)
    return found[SEASONAL_NAIVE][ahead - 1], found[MEDIAN][ahead - 1]


@pytest.mark.parametrize(("back", "is_known"), [(363, True), (364, True), (365, False)])
def test_the_last_365_days_end_on_the_origin(back: int, is_known: bool) -> None:
    ahead = 7 - back % 7  # the same weekday
    naive, middle = answers(one_store(400, {back: 80.0}), 400, ahead=ahead)
    assert (naive, middle) == (80.0, 80.0) if is_known else np.isnan([naive, middle]).all()


def test_the_origin_itself_is_known() -> None:
    assert answers(one_store(30, {0: 50.0, 7: 40.0}), 30, ahead=7) == (50.0, 45.0)


def test_the_naive_repeats_the_newest_open_day_and_passes_over_closed_ones() -> None:
    assert answers(one_store(30, {1: 0.0, 8: 40.0, 15: 60.0}), 30, ahead=6)[0] == 40.0


def test_the_naive_ignores_promotions() -> None:
    assert answers(one_store(30, {6: 90.0, 13: 40.0}, promo={6}), 30, ahead=1) == (90.0, 40.0)


def test_the_median_is_of_the_weekday_with_the_same_promotion() -> None:
    sold = {6: 90.0, 13: 40.0, 20: 50.0, 27: 70.0, 5: 1.0}
    with_promo = one_store(40, sold, promo={6, 13, -1})
    assert answers(with_promo, 40, ahead=1)[1] == 65.0
    without = one_store(40, sold, promo={6, 13})
    assert answers(without, 40, ahead=1)[1] == 60.0


def test_without_a_day_of_that_promotion_the_median_is_of_the_weekday() -> None:
    sold = {6: 90.0, 13: 40.0, 20: 50.0, 5: 1.0}
    assert answers(one_store(40, sold, promo={-1}), 40, ahead=1)[1] == 50.0
    assert answers(one_store(40, sold, promo={6, 13, 20, 5}), 40, ahead=1)[1] == 50.0


def test_without_a_day_of_that_weekday_the_median_is_of_all_and_there_is_no_naive() -> None:
    naive, middle = answers(one_store(40, {5: 10.0, 4: 20.0, 3: 60.0}), 40, ahead=1)
    assert math.isnan(naive)
    assert middle == 20.0


def test_a_store_without_history_has_no_reference_and_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    assert np.isnan(answers(one_store(40, {}), 40, ahead=1)).all()
    assert not recwarn.list


def test_sales_after_the_origin_are_ignored() -> None:
    inputs = drawn(1, stores=3, days=40, after=5)
    cut = FeatureInputs(inputs.stores, inputs.sales.until(FIRST + 39 * DAY), inputs.plan)
    origin = FIRST + 39 * DAY
    assert baseline_forecasts(inputs, forecast_origin=origin, horizon_days=9).equals(
        baseline_forecasts(cut, forecast_origin=origin, horizon_days=9), null_equal=True
    )
