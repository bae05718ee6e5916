"""The weights of the blend compared with a grid search over all convex weights.

See the docstring of ``fit_weights`` for the cost, which is calculated day by day here.
"""

from __future__ import annotations

import itertools
import math
from datetime import date, timedelta
from statistics import mean, median

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calibration_reference import LOG_TWO

from rossmann_ml.models.blend import equal_weights, fit_weights

FIRST = date(2015, 1, 4)
FAMILIES = ("lightgbm", "xgboost", "catboost")
# Errors of the members on one day, in log units; an origin is a list of days.
Day = tuple[float, ...]


def frame(origins: list[list[Day]], families: tuple[str, ...] = FAMILIES) -> pl.DataFrame:
    """Build out-of-fold rows whose log forecasts have the given errors."""
    rows = [
        {"forecast_origin": FIRST + timedelta(days=42 * number), "sales": sales}
        | {name: math.log(sales) + error for name, error in zip(families, day, strict=True)}
        for number, days in enumerate(origins)
        for sales, day in zip(itertools.cycle([1000.0, 1.0, 5432.0]), days, strict=False)
    ]
    schema = {"forecast_origin": pl.Date, "sales": pl.Float64} | dict.fromkeys(families, pl.Float64)
    return pl.DataFrame(rows, schema=schema)


def mean_products(origins: list[list[Day]]) -> list[list[float]]:
    """Average the products of the members' errors, scaled to a mean square of 1 over members."""
    members = range(len(origins[0][0]))

    def to_unit(products: list[list[float]]) -> list[list[float]]:
        squares = sum(products[each][each] for each in members)
        return [[len(members) * value / squares for value in row] for row in products]

    whole = [[0.0 for _ in members] for _ in members]
    for days in origins:
        middle = median(mean(day) for day in days)
        centred = [[error - middle for error in day] for day in days]
        usual = [day for day in centred if abs(mean(day)) < LOG_TWO]
        products = [[sum(day[i] * day[j] for day in usual) for j in members] for i in members]
        if any(products[each][each] > 0 for each in members):
            for i, j in itertools.product(members, members):
                whole[i][j] += to_unit(products)[i][j]
    return to_unit(whole)


def cheapest(origins: list[list[Day]], shrinkage: float) -> list[float]:
    """Search the weights with the least cost on finer and finer grids (the cost is convex)."""
    products, members = np.array(mean_products(origins)), len(origins[0][0])
    best, reach, step = np.full(members, 1 / members), 1.0, 0.05
    while step > 2e-4:
        axis = np.arange(-round(reach / step), round(reach / step) + 1) * step
        others = np.array(list(itertools.product(axis, repeat=members - 1))) + best[:-1]
        grid = np.column_stack([others, 1 - others.sum(axis=1)])
        grid = grid[(grid >= -1e-12).all(axis=1) & (grid <= 1 + 1e-12).all(axis=1)]
        squared_error = ((grid @ products) * grid).sum(axis=1)
        departure = ((grid - 1 / members) ** 2).sum(axis=1)
        best = grid[np.argmin(squared_error + shrinkage * departure)]
        reach, step = 3 * step, step / 5
    return best.tolist()


def found(origins: list[list[Day]], shrinkage: float = 0.2) -> list[float]:
    families = FAMILIES[: len(origins[0][0])]
    weights = fit_weights(frame(origins, families), families, shrinkage=shrinkage)
    assert tuple(weights) == families
    return list(weights.values())


def errors(seed: int, *, members: int, origins: int) -> list[list[Day]]:
    """Draw errors of members of different skill, with common errors, seasons and unusual days."""
    random = np.random.default_rng(seed)
    skill = random.uniform(0.03, 0.3, members)
    drawn = []
    for _ in range(origins):
        days = int(random.integers(6, 20))
        hard, season = random.uniform(0.5, 4), random.normal(0, 0.3)
        own = random.normal(0, 1, (days, members)) * skill * hard
        common = random.normal(season, 0.1, (days, 1)) + (random.random((days, 1)) < 0.1) * 0.9
        drawn.append([tuple(day) for day in (own + common).tolist()])
    return drawn


@given(
    seed=st.integers(0, 10_000),
    members=st.integers(2, 3),
    origins=st.integers(1, 4),
    shrinkage=st.sampled_from([0.05, 0.2, 1.0]),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_weights_are_those_of_least_cost_among_all_convex_ones(
    seed: int, members: int, origins: int, shrinkage: float
) -> None:
    past = errors(seed, members=members, origins=origins)
    weights = found(past, shrinkage)
    # weights are rounded to thousandths, plus the step of the grid
    assert weights == pytest.approx(cheapest(past, shrinkage), abs=0.002)
    assert sum(weights) == pytest.approx(1, abs=1e-12)
    assert all(0 <= each <= 1 and each == round(each, 3) for each in weights)


def test_the_search_agrees_with_weights_that_are_known() -> None:
    # uncorrelated errors of mean squares 1/2 and 3/2, so the cost is
    # w^2 / 2 + 3 (1 - w)^2 / 2 + 2 shrinkage (w - 1/2)^2
    past = [[(0.1, 0.1 * math.sqrt(3)), (-0.1, 0.1 * math.sqrt(3))] * 4]
    past[0] += [(a, -b) for a, b in past[0]]
    for shrinkage, expected in ((0.0, 0.75), (0.2, 3.4 / 4.8), (1.0, 5 / 8)):
        assert cheapest(past, shrinkage)[0] == pytest.approx(expected, abs=4e-4)
        assert found(past, shrinkage)[0] == pytest.approx(expected, abs=1e-3)


def test_a_harmful_member_has_weight_zero_and_the_others_sum_to_one() -> None:
    random = np.random.default_rng(1)
    good = random.normal(0, 0.05, (60, 2))
    past = [[(a, b, 3 * (a + b)) for a, b in good.tolist()]]
    first, second, third = found(past, 0.02)
    assert third == 0.0
    assert math.copysign(1, third) == 1
    assert first + second == pytest.approx(1, abs=1e-12)
    assert [first, second] == pytest.approx(cheapest(past, 0.02)[:2], abs=0.002)


def test_thirds_are_rounded_so_that_the_weights_are_one_together() -> None:
    alike = [[(error, error, error) for error in (-0.1, 0.05, 0.2)]]
    assert found(alike) == [0.334, 0.333, 0.333]


def test_a_season_that_the_whole_chain_shares_does_not_change_the_weights() -> None:
    past = errors(5, members=3, origins=2)
    raised = [[tuple(error + 0.5 for error in day) for day in past[0]], past[1]]
    assert found(raised) == found(past)


def test_an_origin_that_was_hard_for_all_counts_like_any_other() -> None:
    past = errors(8, members=3, origins=2)
    usual = [[tuple(error / 4 for error in day) for day in days] for days in past]
    harder = [usual[0], [tuple(error / 2 for error in day) for day in usual[1]]]
    assert found(harder) == found(usual)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_day_off_by_exactly_the_factor_two_does_not_count(sign: int) -> None:
    # sales of 1, so that the log forecast is the error to the last bit
    days = [(0.0, 0.2), (0.0, 0.0), (0.1, 0.3), (0.0, 0.0), (-0.3, 0.3), (0.1, -0.1)]
    days += [(-a, -b) for a, b in days]

    def weights(*more: Day) -> dict[str, float]:
        rows = frame([[*days, *more]], FAMILIES[:2]).with_columns(sales=pl.lit(1.0))
        exact = pl.DataFrame([*days, *more], schema=FAMILIES[:2], orient="row")
        return fit_weights(rows.with_columns(exact), FAMILIES[:2], shrinkage=0.2)

    below = math.nextafter(LOG_TWO, 0)
    assert weights((sign * LOG_TWO, sign * LOG_TWO)) == weights()
    assert weights((sign * below, sign * below)) != weights()


def test_a_higher_shrinkage_gives_weights_closer_to_equal() -> None:
    past = errors(11, members=3, origins=3)
    departures = [
        sum((each - 1 / 3) ** 2 for each in found(past, shrinkage)) for shrinkage in (0, 0.2, 1, 50)
    ]
    assert departures == sorted(departures, reverse=True)
    assert departures[-1] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("members", [1, 2, 3])
def test_without_rows_the_weights_are_equal(members: int) -> None:
    families = FAMILIES[:members]
    weights = fit_weights(frame([], families), families, shrinkage=0.2)
    assert weights == dict.fromkeys(families, 1 / members) == equal_weights(families)


def test_a_frame_without_columns_has_no_rows_either() -> None:
    assert fit_weights(pl.DataFrame(), FAMILIES, shrinkage=0.2) == equal_weights(FAMILIES)


def test_one_family_has_all_the_weight_whatever_it_forecast() -> None:
    for error in (0.3, math.nan):
        rows = frame([[(error,)]], ("catboost",))
        assert fit_weights(rows, ("catboost",), shrinkage=0.2) == {"catboost": 1.0}


def test_members_that_were_all_right_have_equal_weights() -> None:
    right = [[(0.0, 0.0, 0.0)] * 3]
    rows = frame(right).with_columns(sales=pl.lit(1.0), **dict.fromkeys(FAMILIES, pl.lit(0.0)))
    assert fit_weights(rows, FAMILIES, shrinkage=0.2) == equal_weights(FAMILIES)


def test_an_origin_on_which_all_were_right_leaves_the_weights_to_the_others() -> None:
    past = errors(2, members=3, origins=1)
    right = frame([[(0.0, 0.0, 0.0)] * 3]).with_columns(
        sales=pl.lit(1.0), **dict.fromkeys(FAMILIES, pl.lit(0.0))
    )
    both = pl.concat([right, frame([[], past[0]])])
    assert list(fit_weights(both, FAMILIES, shrinkage=0.2).values()) == found(past)
