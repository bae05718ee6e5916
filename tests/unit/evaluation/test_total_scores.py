"""Scores of totals compared with plain sums (``rossmann_ml.evaluation.total_scores``).

See the docstring of ``rossmann_ml.models.totals`` for the totals. ``TotalCalibration`` has its own
tests; these tests check that it is fitted on the origins that were over by then.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluation_world import FAMILIES, HORIZON_DAYS, STORES, made_folds
from support.score_references import (
    NO_RANGES,
    Row,
    assert_same,
    by_origin,
    interval_score,
    scores_of,
)

from rossmann_ml.evaluation.backtest import served
from rossmann_ml.evaluation.metrics import score_sums
from rossmann_ml.evaluation.total_scores import total_outcomes, total_sums
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.models.totals import add_up

SUNDAY = date(2015, 1, 4)
GAPS = (0, 14, 27, 42)
KEY = RecipeKey("features", {family: f"of {family}" for family in FAMILIES}, shrinkage=0.2)
ATTRIBUTES = {
    1: {"store_type": "a", "assortment": "a", "state": "BY"},
    2: {"store_type": "b", "assortment": "a", "state": "unknown"},
    3: {"store_type": "a", "assortment": "c", "state": "HE"},
}
GROUPS = ("store_type", "assortment", "state")
BOUNDS = ("lower_80", "upper_80", "lower_95", "upper_95")


def score_totals(rows: pl.DataFrame, *, model: str = "blend") -> pl.DataFrame:
    return score_sums(total_sums(rows, STORES, model=model, horizon_days=HORIZON_DAYS))


def rows_of(seed: int, *, weekday: int, origins: int, **made: Any) -> pl.DataFrame:
    first = SUNDAY + timedelta(days=weekday)
    days = [first + timedelta(days=days) for days in GAPS[:origins]]
    forecasts = served(made_folds(seed, origins=days, **made), KEY)
    return forecasts.with_columns(forecast=pl.col("blend"))


def spans_of(origin: date) -> dict[str, list[tuple[date, date]]]:
    """Return the calendar weeks and the whole horizon, by first and last day."""
    first, last = origin + timedelta(days=1), origin + timedelta(days=HORIZON_DAYS)
    weeks = []
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        weeks.append((max(monday, first), min(monday + timedelta(days=6), last)))
        monday += timedelta(days=7)
    return {"week": weeks, "horizon": [(first, last)]}


def segments_of(row: Row) -> dict[str, str]:
    store = row["store_id"]
    return {"chain": "all", **ATTRIBUTES[store], "store": str(store)}


def plain_totals(rows: list[Row]) -> dict[tuple, Row]:
    """Sum forecasts and sales by origin, kind of span, span, level and segment."""
    found: dict[tuple, Row] = {}
    for row in rows:
        for kind, spans in spans_of(row["forecast_origin"]).items():
            for first, last in spans:
                if not first <= row["target_date"] <= last:
                    continue
                for level, segment in segments_of(row).items():
                    key = (row["forecast_origin"], kind, first, last, level, segment)
                    total = found.setdefault(key, {"forecast": 0.0, "sales": 0.0, "days": 0})
                    # amounts are rounded to hundredths of a cent, see ``totals.exact_sum``
                    total["forecast"] += round(row["forecast"], 4)
                    total["sales"] += round(row["sales"], 4)
                    total["days"] += 1
    return found


def scored(totals: list[Row]) -> dict[str, float | int | None]:
    return {**scores_of(totals), "store_days": sum(total["days"] for total in totals)}


def reference(totals: dict[tuple, Row], ending: str) -> dict[tuple, dict]:
    """Return the scores of totals by origin (None: all), kind and segment."""
    grouped: dict[tuple, list[Row]] = {}
    for (origin, span, _, _, level, segment), total in totals.items():
        kind = f"total_{level}_{span}{ending}"
        for at in (origin, None):
            grouped.setdefault((at, kind, "all"), []).append(total)
            if level in GROUPS:
                grouped.setdefault((at, kind, segment), []).append(total)
    return {key: scored(part) for key, part in grouped.items()}


def assert_scores(found: pl.DataFrame, expected: dict[tuple, dict]) -> None:
    by_key = {
        (row["forecast_origin"], row["segment_kind"], row["segment"]): row
        for row in found.rows(named=True)
    }
    assert len(by_key) == len(found)
    assert by_key.keys() == expected.keys()
    for key, scores in expected.items():
        assert by_key[key]["store_days"] == scores["store_days"]
        for name, value in scores.items():
            # bounds are fitted on sums that are rounded to hundredths of a cent
            rel_tol = 1e-7 if name.startswith("interval_score") else 1e-11
            assert_same(by_key[key][name], value, rel_tol=rel_tol)


def is_sum() -> pl.Expr:
    return pl.col("segment_kind").str.ends_with("_sum")


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    weekday=st.integers(0, 6),
    origins=st.integers(1, 3),
    stores=st.integers(1, 3),
)
def test_the_plain_sums_are_scored_by_week_and_horizon_at_every_level(
    seed: int, weekday: int, origins: int, stores: int
) -> None:
    rows = rows_of(seed, weekday=weekday, origins=origins, stores=stores)
    found = score_totals(rows, model="a model")
    assert found["model"].unique().to_list() == ["a model"]
    totals = plain_totals(rows.rows(named=True))
    expected = reference({key: {**total, **NO_RANGES} for key, total in totals.items()}, "_sum")
    assert_scores(found.filter(is_sum()), expected)


def known_factors(rows: pl.DataFrame) -> dict[tuple, Row]:
    """Return the factors of every total, calibrated on origins that were over by then."""
    over_on = {
        origin: max(row["target_date"] for row in part)
        for origin, part in by_origin(rows.rows(named=True)).items()
    }
    found: dict[tuple, Row] = {}
    for origin in over_on:
        known = [each for each, over in over_on.items() if over <= origin]
        if not known:
            continue
        earlier = rows.filter(pl.col("forecast_origin").is_in(known))
        shift = Calibration.fit(earlier).log_shift
        as_served = earlier.with_columns(forecast=(pl.col("log_forecast") + shift).exp())
        calibration = TotalCalibration.fit(as_served, STORES, horizon_days=HORIZON_DAYS)
        totals = add_up(
            rows.filter(pl.col("forecast_origin") == origin), STORES, horizon_days=HORIZON_DAYS
        )
        for key, factors in zip(
            totals.select("first_date", "last_date", "level", "segment").rows(),
            calibration.factors(totals).rows(named=True),
            strict=True,
        ):
            found[(origin, *key)] = factors
    return found


@settings(max_examples=3, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), weekday=st.integers(0, 6))
def test_unbiased_totals_and_their_intervals_come_from_origins_that_were_over(
    seed: int, weekday: int
) -> None:
    rows = rows_of(seed, weekday=weekday, origins=4)
    factors = known_factors(rows)
    totals = {}
    for (origin, span, *rest), total in plain_totals(rows.rows(named=True)).items():
        judged = {**total, **NO_RANGES}
        given_factors = factors.get((origin, *rest))
        if given_factors is not None:
            bounds = {name: total["forecast"] * given_factors[f"{name}_factor"] for name in BOUNDS}
            judged["forecast"] = total["forecast"] * given_factors["unbiased_factor"]
            for level in ("80", "95"):
                low, high = bounds[f"lower_{level}"], bounds[f"upper_{level}"]
                judged[f"inside_{level}"] = low <= total["sales"] <= high
                judged[f"interval_score_{level}"] = interval_score(
                    total["sales"], low, high, int(level)
                )
        totals[origin, span, *rest] = judged
    found = score_totals(rows)
    assert_scores(found.filter(~is_sum()), reference(totals, ""))


def test_the_first_origin_has_no_bounds_and_the_sum_of_the_daily_forecasts() -> None:
    rows = rows_of(1, weekday=2, origins=2)
    outcomes = total_outcomes(rows, STORES, horizon_days=HORIZON_DAYS)
    first, second = (part for _, part in outcomes.group_by("forecast_origin", maintain_order=True))
    assert first["sales_unbiased"].equals(first["forecast"].alias("sales_unbiased"))
    assert all(first[name].null_count() == len(first) for name in BOUNDS)
    assert all(second[name].null_count() == 0 for name in BOUNDS)
    assert not any(name.endswith("_factor") for name in outcomes.columns)


def test_bounds_contain_the_unbiased_total_and_the_narrower_bounds() -> None:
    outcomes = total_outcomes(rows_of(2, weekday=4, origins=3), STORES, horizon_days=HORIZON_DAYS)
    for row in outcomes.drop_nulls().rows(named=True):
        ordered = [row[name] for name in ("lower_95", "lower_80")]
        ordered += [row[name] for name in ("sales_unbiased", "upper_80", "upper_95")]
        assert ordered == sorted(ordered)


@pytest.mark.parametrize("gap", [13, 14])
def test_a_total_is_calibrated_by_an_origin_from_its_last_day_on(gap: int) -> None:
    days = [SUNDAY, SUNDAY + timedelta(days=gap)]
    rows = served(made_folds(3, origins=days, rows_share=1.0), KEY)
    rows = rows.with_columns(forecast=pl.col("blend"))
    outcomes = total_outcomes(rows, STORES, horizon_days=HORIZON_DAYS)
    newest = outcomes.filter(pl.col("forecast_origin") == days[1])
    assert newest["lower_80"].is_null().all() == (gap < HORIZON_DAYS)


def test_first_weeks_that_are_no_calendar_weeks_do_not_count_as_weeks() -> None:
    # from a Thursday on: 4, 7 and 3 days of three calendar weeks
    rows = rows_of(4, weekday=3, origins=1, stores=1, rows_share=1.0)
    found = score_totals(rows)
    weeks = found.filter(
        pl.col("segment_kind") == "total_chain_week", pl.col("forecast_origin").is_null()
    )
    assert weeks["store_days"].to_list() == [14]
    totals = plain_totals(rows.rows(named=True))
    chain = [each for key, each in totals.items() if (key[1], key[4]) == ("week", "chain")]
    assert [total["days"] for total in chain] == [4, 7, 3]
    share = [total["forecast"] / total["sales"] - 1 for total in chain]
    assert weeks["rmspe"].item() == pytest.approx(
        math.sqrt(sum(each**2 for each in share) / 3), rel=1e-9
    )
