"""The typical day of a store, compared with a reference that loops over days.

See the docstrings of :mod:`rossmann_ml.forecasting.drivers.typical_day` for the definition: an
ordinary Wednesday in the mean season of the year up to the origin.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_chain import ORIGIN, tiny_inputs

from rossmann_ml.features.driver_groups import feature_groups
from rossmann_ml.features.grid import Float32Array
from rossmann_ml.features.linear import linear_forecasts
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.features.plan import plan_features
from rossmann_ml.forecasting.drivers.typical_day import TypicalDay

HORIZON_DAYS = 11  # two weeks, the second with promotions


def lower_median(values: list[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def is_ordinary(known: FeatureInputs, store: int, column: int) -> bool:
    plan = known.plan
    week = range(max(column - 7, 0), min(column + 8, plan.days))
    return bool(
        plan.is_open[store, column]
        and not plan.is_promo[store, column]
        and not plan.is_school_holiday[store, column]
        and not any(plan.state_holiday[store, near] for near in week)
    )


def reference_features(known: FeatureInputs) -> dict[str, list[list[float]]]:
    """Return the lower median over ordinary days of the year, by feature, store and weekday."""
    columns = known.plan.column(ORIGIN) + 1
    whole_weeks = min(364, columns) // 7 * 7
    days = range(columns - whole_weeks, columns)
    stores = range(len(known.stores.store_ids))
    weekday = [day.weekday() for day in known.plan.dates]
    found = {}
    for name, array in plan_features(known.plan, known.stores).items():
        values = np.broadcast_to(array, known.plan.is_open.shape)
        bound = feature_groups([name])[name] in {"promo", "holidays"}
        taken = [
            (store, day) for store in stores for day in days
            if not bound or is_ordinary(known, store, day)
        ]  # fmt: skip
        everywhere = taken or [(store, day) for store in stores for day in days]
        of_all = lower_median([values[key] for key in everywhere])
        found[name] = []
        for store in stores:
            of_store = []
            for number in range(7):
                chain = [values[key] for key in taken if weekday[key[1]] == number]
                own = [
                    values[key] for key in taken if key[0] == store and weekday[key[1]] == number
                ]
                chosen = own or chain
                of_store.append(lower_median(chosen) if chosen else of_all)
            found[name].append(of_store)
    return found


def without_gaps(features: dict[str, Float32Array]) -> dict[str, Float32Array]:
    """Leave out the distance to competitors, which can be NaN."""
    skipped = {"competition_distance_log_m"}
    return {name: values for name, values in features.items() if name not in skipped}


def check_features(known: FeatureInputs) -> None:
    typical = TypicalDay.of(known, forecast_origin=ORIGIN, horizon_days=HORIZON_DAYS)
    expected = reference_features(known)
    for name, values in without_gaps(typical.features).items():
        assert values.tolist() == expected[name], name
    assert typical.forecast_origin == ORIGIN
    assert typical.stores.store_ids.tolist() == known.stores.store_ids.tolist()


@given(seed=st.integers(0, 1000), history_days=st.integers(30, 100))
@settings(max_examples=4, deadline=None, derandomize=True)
def test_features_are_lower_medians_over_the_ordinary_days_of_the_weekday(
    seed: int, history_days: int
) -> None:
    check_features(tiny_inputs(seed, store_ids=(2, 5), history_days=history_days))


@pytest.mark.parametrize("history_days", [363, 364, 365, 372])
def test_the_days_are_those_of_52_weeks_up_to_the_origin(history_days: int) -> None:
    """The histories are just shorter and just longer than 52 weeks."""
    known = tiny_inputs(4, store_ids=(5,), history_days=history_days)
    check_features(known)


@pytest.mark.parametrize(("holiday", "is_near"), [(7, True), (8, False)])
def test_a_day_is_ordinary_from_the_eighth_day_after_a_holiday_on(
    holiday: int, is_near: bool
) -> None:
    """The origin is the only day without promotion, ``holiday`` days after a state holiday."""
    known = tiny_inputs(1, store_ids=(2,), history_days=28)
    plan = known.plan
    shape = plan.is_open.shape
    state_holiday = np.zeros(shape, np.int8)
    origin = plan.column(ORIGIN)
    state_holiday[0, origin - holiday] = 1
    quiet = replace(
        plan,
        is_open=np.ones(shape, np.bool_),
        is_promo=np.zeros(shape, np.bool_),
        is_school_holiday=np.zeros(shape, np.bool_),
        state_holiday=state_holiday,
    )
    # earlier days have a promotion, so they are not ordinary
    quiet.is_promo[0, :origin] = True
    typical = TypicalDay.of(
        replace(known, plan=quiet), forecast_origin=ORIGIN, horizon_days=HORIZON_DAYS
    )
    since = typical.features["days_since_promo"][0]
    # the median of the origin's weekday is its only ordinary day, or of all days if there is none
    assert (since[ORIGIN.weekday()] == 1) is not is_near
    check_features(replace(known, plan=quiet))


def test_a_weekday_without_an_ordinary_day_has_the_chains_or_that_of_all_days() -> None:
    """Store 5 is closed on Tuesdays, the chain on Sundays; store 2 opens on Tuesdays."""
    known = tiny_inputs(2, store_ids=(2, 5), history_days=84)
    is_open = known.plan.is_open.copy()
    weekday = np.array([day.weekday() for day in known.plan.dates])
    is_open[1, weekday == 1] = False
    check_features(replace(known, plan=replace(known.plan, is_open=is_open)))


@pytest.mark.parametrize("name", ["is_promo", "is_school_holiday"])
def test_a_chain_without_any_ordinary_day_has_the_median_of_all_its_days(name: str) -> None:
    known = tiny_inputs(3, store_ids=(2, 5), history_days=42)
    always = replace(known.plan, **{name: np.ones_like(known.plan.is_promo)})
    check_features(replace(known, plan=always))


def test_only_whole_weeks_of_a_short_history_count() -> None:
    """Only whole weeks count, so that all weekdays have the same number of days."""
    check_features(tiny_inputs(5, store_ids=(2,), history_days=13))


# contributions of groups to the linear forecast, compared with the typical day


def reference_parts(known: FeatureInputs, *, of_chain: bool) -> dict[str, np.ndarray]:
    """Sum coefficient times value over columns, minus the sum on the typical day."""
    (linear,) = linear_forecasts(known.sales, known.plan, known.stores, [ORIGIN])
    first = known.plan.column(ORIGIN) + 1
    columns = linear.design.rows(0, known.plan.days).astype(np.float64)
    stores = len(known.stores.store_ids)
    coefficients = linear.chain_coefficients if of_chain else linear.coefficients
    weekdays = [day.weekday() for day in known.plan.dates]
    wednesday = weekdays.index(2)
    year = range(max(first - 364, 0), first)
    groups = ("weekday", "promo", "holidays", "season", "trend", "competition")
    parts = {group: np.zeros((stores, HORIZON_DAYS)) for group in groups}
    for number, group in enumerate(linear.design.causes):
        for store in range(stores):
            weight = float(coefficients[0 if of_chain else store, number])
            values = [weight * value for value in columns[store, number]]
            usual = 0.0
            if group == "weekday":
                usual = values[wednesday]
            elif group in {"season", "trend"}:
                usual = math.fsum(values[day] for day in year) / len(year)
            for day in range(HORIZON_DAYS):
                parts[group][store, day] += values[first + day] - usual
    return parts


@pytest.mark.parametrize("history_days", [40, 90, 363, 370])
def test_parts_are_contributions_of_the_groups_columns_compared_with_the_typical_day(
    history_days: int,
) -> None:
    known = tiny_inputs(6, store_ids=(2, 5), history_days=history_days)
    typical = TypicalDay.of(known, forecast_origin=ORIGIN, horizon_days=HORIZON_DAYS)
    for found, of_chain in ((typical.own, False), (typical.chain, True)):
        expected = reference_parts(known, of_chain=of_chain)
        assert list(found) == list(expected)
        for group, part in found.items():
            # sums of 32-bit products
            assert part == pytest.approx(expected[group], abs=2e-6), group
    assert typical.own["promo"].any()
    assert not typical.own["competition"].any()
