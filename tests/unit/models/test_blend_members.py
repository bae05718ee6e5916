"""Forecasts and importances of a blend compared with values calculated by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rule_model import RuleModel

from rossmann_ml.models.blend import Blend, equal_weights, weighted_mean


@given(
    rows=st.lists(st.tuples(*[st.floats(0, 12)] * 3), min_size=1, max_size=10),
    parts=st.tuples(*[st.integers(0, 10)] * 3).filter(any),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_blend_is_the_weighted_mean_of_log_forecasts(
    rows: list[tuple[float, ...]], parts: tuple[int, ...]
) -> None:
    weights = {name: part / sum(parts) for name, part in zip("abc", parts, strict=True)}
    members = {name: np.array([row[i] for row in rows]) for i, name in enumerate("abc")}
    expected = [sum(row[i] * weights[name] for i, name in enumerate("abc")) for row in rows]
    found = weighted_mean(members, weights)
    assert found.dtype == np.float64
    assert found.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_member_of_weight_zero_is_left_out_of_the_mean() -> None:
    assert weighted_mean({"a": np.array([2.0])}, {"a": 1.0, "b": 0.0}).tolist() == [2.0]


def test_equal_weights_are_one_over_the_number_of_members() -> None:
    assert equal_weights(("a", "b", "c", "d")) == dict.fromkeys("abcd", 0.25)


def blend() -> Blend:
    shares = {"promo": 0.5, "month": 0.25, "open": 0.25}
    one_feature = {"open": 1.0, "promo": 0.0, "month": 0.0}
    members = {
        "lightgbm": RuleModel(1.0, shares, {"promo": 4, "month": 3, "open": 1}),
        "catboost": RuleModel(3.0, shares),  # counts no splits
        "xgboost": RuleModel(9.0, one_feature, {"promo": 10, "month": 0, "open": 7}),
    }
    return Blend(members, {"lightgbm": 0.25, "catboost": 0.75, "xgboost": 0.0})


def test_a_blend_predicts_the_weighted_mean_of_its_members() -> None:
    panel = pl.DataFrame({"base_log_sales": [8.0, 9.0]})
    assert blend().predict_departures(panel).tolist() == [2.5, 2.5]


def test_a_blend_does_not_call_a_member_of_weight_zero() -> None:
    members = {**blend().members, "xgboost": object()}
    panel = pl.DataFrame({"base_log_sales": [8.0]})
    found = Blend(members, blend().weights).predict_departures(panel)  # type: ignore[arg-type]
    assert found.tolist() == [2.5]


def test_importance_is_the_weighted_mean_of_shares_and_the_sum_of_splits() -> None:
    assert blend().importance().rows(named=True) == [
        {"feature": "promo", "gain": 0.5, "gain_share": 0.5, "splits": 14},
        # features with equal shares are sorted by name
        {"feature": "month", "gain": 0.25, "gain_share": 0.25, "splits": 3},
        {"feature": "open", "gain": 0.25, "gain_share": 0.25, "splits": 8},
    ]
