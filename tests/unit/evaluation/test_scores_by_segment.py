"""Scores of all segments compared with plain sums (``rossmann_ml.evaluation.metrics``)."""

from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.score_references import assert_same, scores_of, segments_of

from rossmann_ml.evaluation.metrics import score_segments

ORIGIN = date(2015, 3, 2)
DAYS = st.integers(1, 42)
SCORES = (
    "rmspe", "rmse", "mae", "mape", "wape", "bias", "coverage_80", "coverage_95", "pinball",
    "interval_score_80", "interval_score_95",
)  # fmt: skip
INSIDE = st.sampled_from([True, False, None])
SCORE = st.integers(0, 50).map(float)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "model": st.sampled_from(["blend", "linear"]),
            "store_id": st.integers(1, 3),
            "horizon_days": DAYS,
            "sales": st.integers(1, 20_000).map(float),
            "forecast": st.integers(0, 20_000).map(float),
            "inside_80": INSIDE,
            "inside_95": INSIDE,
            "pinball": st.none() | SCORE,
            "interval_score_80": SCORE,
            "interval_score_95": SCORE,
            "store_type": st.sampled_from(["a", "b", "d"]),
            "state": st.sampled_from(["BY", "HE", None]),
            "is_promo": st.booleans(),
            "holiday_nearby": st.sampled_from(["near a holiday", "ordinary"]),
        }
    ),
    min_size=1,
    max_size=12,
)
SCHEMA = {
    "inside_80": pl.Boolean, "inside_95": pl.Boolean, "state": pl.String, "target_date": pl.Date,
    "pinball": pl.Float64, "interval_score_80": pl.Float64, "interval_score_95": pl.Float64,
}  # fmt: skip


def dated(rows: list[dict]) -> list[dict]:
    """Add the target date; a row has interval scores exactly if it has intervals."""
    return [
        {
            **row,
            "target_date": ORIGIN + timedelta(days=row["horizon_days"]),
            **{
                f"interval_score_{level}": None
                for level in (80, 95)
                if row[f"inside_{level}"] is None
            },
        }
        for row in rows
    ]


def row(**values: object) -> dict:
    standard = {
        "model": "blend", "store_id": 1, "horizon_days": 1, "sales": 100.0, "forecast": 110.0,
        "inside_80": True, "inside_95": True, "pinball": 5.0, "interval_score_80": 0.3,
        "interval_score_95": 0.5, "store_type": "a", "state": "BY", "is_promo": True,
        "holiday_nearby": "ordinary",
    }  # fmt: skip
    return {**standard, **values}


def scored(rows: list[dict]) -> pl.DataFrame:
    return score_segments(pl.DataFrame(dated(rows), schema_overrides=SCHEMA), by=["model"])


def one(rows: list[dict], kind: str = "overall", segment: str = "all") -> dict:
    found = scored(rows).filter(pl.col("segment_kind") == kind, pl.col("segment") == segment)
    return found.row(0, named=True)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(ROWS)
def test_every_score_of_every_segment_is_what_plain_sums_give(rows: list[dict]) -> None:
    found = {
        (each["model"], each["segment_kind"], each["segment"]): each
        for each in scored(rows).iter_rows(named=True)
    }
    expected = {
        (model, *segment): scores_of(part)
        for model in {each["model"] for each in rows}
        for segment, part in segments_of(
            each for each in dated(rows) if each["model"] == model
        ).items()
    }
    assert found.keys() == expected.keys()
    for key, scores in expected.items():
        assert found[key]["store_days"] == scores["store_days"]
        for name in SCORES:
            assert_same(found[key][name], scores[name])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(ROWS)
def test_scores_come_sorted_by_model_and_segment(rows: list[dict]) -> None:
    keys = scored(rows).select("model", "segment_kind", "segment").rows()
    assert keys == sorted(keys)


def test_scores_of_two_days_equal_values_calculated_by_hand() -> None:
    found = one([row(), row(sales=200.0, forecast=150.0, inside_80=False, store_id=2)])
    assert found["rmspe"] == pytest.approx(math.sqrt((0.1**2 + 0.25**2) / 2), rel=1e-14)
    assert found["rmse"] == pytest.approx(math.sqrt((10**2 + 50**2) / 2), rel=1e-14)
    assert found["mae"] == 30
    assert found["mape"] == pytest.approx(0.175, rel=1e-14)
    assert found["bias"] == pytest.approx(-40 / 300, rel=1e-14)
    assert found["wape"] == 60 / 300
    assert (found["coverage_80"], found["coverage_95"]) == (0.5, 1)
    assert found["pinball"] == 10 / 300


def test_bias_is_positive_when_forecasts_are_too_high() -> None:
    assert one([row(sales=100.0, forecast=125.0)])["bias"] == 0.25


def test_one_perfect_day_has_scores_of_zero() -> None:
    found = one([row(sales=70.0, forecast=70.0)])
    assert [found[name] for name in SCORES[:6]] == [0, 0, 0, 0, 0, 0]


def test_days_without_an_interval_do_not_count_for_coverage() -> None:
    rows = [row(), row(inside_80=False), row(inside_80=None), row(inside_95=None)]
    found = one(rows)
    assert found["coverage_80"] == pytest.approx(2 / 3)
    assert found["coverage_95"] == 1
    assert found["store_days"] == 4


def test_coverage_is_unknown_where_no_day_had_an_interval() -> None:
    found = one([row(inside_80=None, inside_95=None)])
    assert (found["coverage_80"], found["coverage_95"]) == (None, None)


@pytest.mark.parametrize(
    ("horizon_days", "week"), [(1, "1"), (7, "1"), (8, "2"), (14, "2"), (36, "6"), (42, "6")]
)
def test_a_horizon_week_holds_seven_days_from_the_first_on(horizon_days: int, week: str) -> None:
    assert one([row(horizon_days=horizon_days)], "horizon_week", week)["store_days"] == 1


@pytest.mark.parametrize(("horizon_days", "weekday"), [(6, "7"), (7, "1"), (8, "2"), (12, "6")])
def test_monday_is_weekday_1_and_sunday_7(horizon_days: int, weekday: str) -> None:
    # the origin is a Monday
    assert one([row(horizon_days=horizon_days)], "weekday", weekday)["store_days"] == 1


def test_a_store_without_a_state_counts_as_unknown() -> None:
    assert one([row(state=None)], "state", "unknown")["store_days"] == 1


def test_a_segment_without_days_has_no_row() -> None:
    assert scored([row()]).filter(pl.col("segment_kind") == "promo")["segment"].to_list() == [
        "promo"
    ]


def test_no_days_give_no_scores() -> None:
    nothing = pl.DataFrame(dated([row()]), schema_overrides=SCHEMA).clear()
    assert score_segments(nothing, by=["model"]).is_empty()
