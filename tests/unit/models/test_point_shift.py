"""The log of the bias factor, and the earlier origins on which it is fitted.

See the docstrings of ``point_log_shift``, ``log_shift_of_spread`` and ``origins_with_earlier`` for
the definitions.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calibration_reference import LOG_TWO, log_shift

from rossmann_ml.models.calibration import (
    log_shift_of_spread,
    origins_with_earlier,
    point_log_shift,
)

FIRST = date(2015, 1, 4)


def frame(origins: list[list[float]]) -> pl.DataFrame:
    """Build one frame of the log ratios of all origins."""
    rows = [
        (FIRST + timedelta(days=7 * number), ratio)
        for number, ratios in enumerate(origins)
        for ratio in ratios
    ]
    return pl.DataFrame(
        rows, schema={"forecast_origin": pl.Date, "log_ratio": pl.Float64}, orient="row"
    )


def shift_of(*origins: list[float]) -> float:
    return point_log_shift(frame(list(origins)))


@given(
    origins=st.lists(
        st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=12), min_size=1, max_size=5
    )
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_shift_is_the_median_over_origins_of_the_best_factor(
    origins: list[list[float]],
) -> None:
    # relative to sums of exponentials, because the shift itself may be 0
    assert shift_of(*origins) == pytest.approx(log_shift(origins), rel=1e-9, abs=1e-12)


def test_the_factor_has_the_least_squared_percentage_error_of_one_origin() -> None:
    ratios = [-0.4, -0.1, 0.0, 0.05, 0.3]

    def cost(shift: float) -> float:
        return sum((math.exp(each + shift) - 1) ** 2 for each in ratios)

    best = shift_of(ratios)
    assert cost(best) < min(cost(best - 1e-4), cost(best + 1e-4))


def test_an_origin_is_centred_on_its_own_median() -> None:
    ratios = [-0.3, -0.1, 0.0, 0.2, 0.25]
    assert shift_of([each + 0.6 for each in ratios]) == pytest.approx(shift_of(ratios), rel=1e-12)


def test_the_middle_of_an_even_number_of_days_is_half_way_between_two() -> None:
    assert shift_of([0.0, 0.2]) == pytest.approx(shift_of([-0.1, 0.1]), rel=1e-12)
    assert shift_of([0.0, 0.2]) == pytest.approx(
        math.log(math.cosh(0.1) / math.cosh(0.2)), rel=1e-9
    )


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_day_off_by_exactly_the_factor_two_is_unusual_and_one_just_below_is_not(
    sign: int,
) -> None:
    usual = [-0.1, 0.0, 0.0, 0.0, 0.1]
    assert shift_of([*usual, sign * LOG_TWO]) == shift_of(usual)
    just_below = math.nextafter(LOG_TWO, 0)
    assert shift_of([*usual, sign * just_below]) != pytest.approx(shift_of(usual), rel=0.1)


def test_the_median_of_origins_counts_and_not_their_mean() -> None:
    calm, wild, wilder = [-0.1, 0, 0.1], [-0.3, 0, 0.3], [-0.6, 0, 0.6]
    assert shift_of(wilder, calm, wild) == shift_of(wild)
    assert shift_of(calm, wild) == pytest.approx((shift_of(calm) + shift_of(wild)) / 2, rel=1e-12)


def test_without_days_there_is_no_shift() -> None:
    assert shift_of() == 0.0


def test_one_day_is_its_own_middle() -> None:
    assert shift_of([0.4]) == 0.0


def test_an_origin_without_a_usual_day_is_left_out() -> None:
    # two days whose median is far from both
    assert shift_of([-1.0, 1.0]) == 0.0
    assert shift_of([-1.0, 1.0], [-0.1, 0.0, 0.1]) == shift_of([-0.1, 0.0, 0.1])


@given(spread=st.lists(st.floats(0.05, 0.6), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_without_out_of_fold_forecasts_the_shift_is_that_of_log_normal_days(
    spread: list[float],
) -> None:
    expected = -1.5 * math.fsum(each**2 for each in spread) / len(spread)
    assert log_shift_of_spread(np.array(spread)) == pytest.approx(expected, rel=1e-12)


def test_log_normal_days_of_that_spread_have_that_shift() -> None:
    # quantiles of a normal distribution with spread 0.1 at equal steps of probability
    from statistics import NormalDist

    days = [NormalDist(0, 0.1).inv_cdf((number + 0.5) / 4000) for number in range(4000)]
    assert shift_of(days) == pytest.approx(log_shift_of_spread(np.array([0.1])), rel=5e-3)


def rows_of(spans: list[tuple[int, int]]) -> pl.DataFrame:
    """Build two rows per origin: its first day, and its last day some days later."""
    rows = [
        (FIRST + timedelta(days=start), FIRST + timedelta(days=start + day))
        for start, days in spans
        for day in (days, 1)
    ]
    return pl.DataFrame(
        rows, schema={"forecast_origin": pl.Date, "target_date": pl.Date}, orient="row"
    )


@given(
    spans=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 20)),
        max_size=7,
        unique_by=lambda span: span[0],
    )
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_an_origin_comes_with_those_whose_last_day_was_known_by_then(
    spans: list[tuple[int, int]],
) -> None:
    rows = rows_of(spans)
    found = [
        (set(part["forecast_origin"]), len(part), earlier.rows())
        for part, earlier in origins_with_earlier(rows)
    ]
    expected = [
        (
            {FIRST + timedelta(days=start)},
            2,
            rows_of([span for span in spans if span[0] + span[1] <= start]).rows(),
        )
        for start, _ in sorted(spans)
    ]
    assert found == expected


@pytest.mark.parametrize(("gap", "is_over"), [(41, False), (42, True), (43, True)])
def test_an_origin_is_over_on_the_day_of_the_next_if_its_horizon_ends_there(
    gap: int, is_over: bool
) -> None:
    (_, before_first), (_, before_second) = origins_with_earlier(rows_of([(0, 42), (gap, 42)]))
    assert before_first.is_empty()
    assert len(before_second) == (2 if is_over else 0)
