"""Variances of horizon, week and day compared with expected sums of squares of single effects."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.nested_reference import nested_variances

from rossmann_ml.models.nested_variance import nested_variance

# series of weeks of days: (weight, error)
Design = list[list[list[tuple[float, float]]]]

days = st.tuples(st.floats(0.1, 5), st.floats(-1, 1))
designs = st.lists(
    st.lists(st.lists(days, min_size=1, max_size=4), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


def found(design: Design, *, shuffled: bool = False) -> list[float]:
    """Call the product with the arrays of a design."""
    week_numbers = itertools.count()
    rows = [
        (series, week, weight, error)
        for series, weeks in enumerate(design)
        for week, week_days in ((next(week_numbers), each) for each in weeks)
        for weight, error in week_days
    ]
    if shuffled:
        rows = [rows[place] for place in np.random.default_rng(1).permutation(len(rows))]
    series, week, weight, error = (np.array(column) for column in zip(*rows, strict=True))
    return nested_variance(series=series, week=week, weight=weight, error=error).tolist()


def expected(design: Design) -> list[float]:
    return nested_variances({i: dict(enumerate(weeks)) for i, weeks in enumerate(design)})


@given(design=designs)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_variances_solve_the_expected_sums_of_squares(design: Design) -> None:
    # differences of almost equal sums lose a few digits
    assert found(design) == pytest.approx(expected(design), rel=1e-6, abs=1e-9)
    assert found(design, shuffled=True) == pytest.approx(expected(design), rel=1e-6, abs=1e-9)


def balanced(*errors: list[list[float]]) -> Design:
    return [[[(1.0, error) for error in week] for week in weeks] for weeks in errors]


def test_a_design_whose_variances_are_whole_numbers() -> None:
    # Two horizons of two weeks of two days, each day of weight 1/4.
    # Days are 2 off their week's mean: squares 8, expected 2 x (1 - 1/2) x variance: 8.
    # Weeks are 4 off: squares 32, of them 8 x 1/2 by days, expected 2 x (1 - 1/2): 28.
    # Horizons are 10 off: squares 200, of them 28 x 1 by weeks and 8 x 1/2 by days, over 2: 84.
    design = balanced([[16, 12], [8, 4]], [[-4, -8], [-12, -16]])
    assert found(design) == pytest.approx([84, 28, 8], rel=1e-12)


def test_the_square_of_one_day_is_its_horizons_variance() -> None:
    assert found(balanced([[0.5]])) == [0.25, 0, 0]


def test_days_that_cancel_out_add_no_variance_to_weeks_and_horizons() -> None:
    assert found(balanced([[1, -1], [1, -1]])) == pytest.approx([0, 0, 2], rel=1e-12)


def test_errors_common_to_a_week_are_the_weeks() -> None:
    # squares 1 over 1 - 1/2; the horizon's variance would be negative
    assert found(balanced([[1, 1], [-1, -1]])) == pytest.approx([0, 2, 0], rel=1e-12)


def test_errors_common_to_a_horizon_are_the_horizons() -> None:
    assert found(balanced([[3, 3], [3, 3]], [[-1, -1]])) == pytest.approx([5, 0, 0], rel=1e-12)


def test_only_shares_of_a_series_weigh_and_not_its_size() -> None:
    design = [[[(1.0, 0.3), (2.0, -0.1)], [(1.0, 0.2)]], [[(4.0, 0.4)], [(1.0, -0.5), (1.0, 0.1)]]]
    larger = [[[(1000 * weight, error) for weight, error in week] for week in design[0]], design[1]]
    assert found(larger) == pytest.approx(found(design), rel=1e-9)


@pytest.mark.parametrize(("small", "has_variance"), [(1e-10, False), (1e-9, True)])
def test_days_almost_without_weight_have_no_variance(small: float, has_variance: bool) -> None:
    # expected squares are 2 x small: 1e-9 and less is taken for rounding
    _, _, day = found([[[(1.0, 0.0), (small, 0.1)]]])
    assert day == pytest.approx(0.005 if has_variance else 0.0, rel=1e-6)


def test_no_errors_have_no_variance() -> None:
    empty = np.zeros(0, dtype=np.int64)
    assert nested_variance(
        series=empty, week=empty, weight=np.zeros(0), error=np.zeros(0)
    ).tolist() == [0, 0, 0]
