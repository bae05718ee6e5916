"""Functions that all models share: target, base and table of importances."""

from __future__ import annotations

import math
from datetime import date
from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.models.base import importance_frame, log_base, target_departures


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(0, 3), st.floats(1, 1e5), st.floats(0, 12, width=32)
        ),
        min_size=1,
    )
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_model_learns_how_stores_depart_from_the_linear_forecast_and_not_the_day(
    rows: list[tuple[int, int, float, float]],
) -> None:
    panel = pl.DataFrame(
        {
            "forecast_origin": [date(2015, 6, 5 + 7 * origin) for origin, *_ in rows],
            "target_date": [date(2015, 6, 20 + day) for _, day, *_ in rows],
            "sales": [sales for *_, sales, _ in rows],
            "base_log_sales": pl.Series([base for *_, base in rows], dtype=pl.Float32),
        }
    )
    assert log_base(panel).dtype == np.float64
    assert log_base(panel).tolist() == [base for *_, base in rows]
    own = [math.log(sales) - base for *_, sales, base in rows]
    days = [row[:2] for row in rows]
    expected = [
        departure - fmean(each for each, other in zip(own, days, strict=True) if other == day)
        for departure, day in zip(own, days, strict=True)
    ]
    limited = [min(max(each, -0.25), 0.25) for each in expected]
    assert target_departures(panel).tolist() == pytest.approx(limited, rel=1e-12, abs=1e-12)


def test_importance_is_the_share_of_all_gain_most_important_first() -> None:
    frame = importance_frame(["x", "z", "y"], np.array([1.0, 3.0, 4.0]), np.array([2, 5, 4]))
    assert frame.rows() == [("y", 4.0, 0.5, 4), ("z", 3.0, 0.375, 5), ("x", 1.0, 0.125, 2)]
    assert frame.columns == ["feature", "gain", "gain_share", "splits"]


def test_features_of_equal_gain_are_in_the_order_of_their_names() -> None:
    frame = importance_frame(["z", "x", "y"], np.array([2.0, 2.0, 2.0]))
    assert frame["feature"].to_list() == ["x", "y", "z"]


def test_splits_that_are_not_counted_are_unknown() -> None:
    frame = importance_frame(["x", "y"], np.array([1.0, 3.0]))
    assert frame.schema["splits"] == pl.Int64
    assert frame["splits"].to_list() == [None, None]


def test_without_any_gain_no_feature_has_a_share() -> None:
    frame = importance_frame(["x", "y"], np.zeros(2))
    assert frame["gain_share"].to_list() == [0.0, 0.0]


@pytest.mark.parametrize("gain", [1e-11, 0.5])
def test_a_small_gain_has_its_share_too(gain: float) -> None:
    frame = importance_frame(["x", "y"], np.array([gain, 3 * gain]))
    assert frame["gain_share"].to_list() == pytest.approx([0.75, 0.25], rel=1e-12)
