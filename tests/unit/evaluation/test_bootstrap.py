"""Bounds of metrics by drawing blocks of origins (``rossmann_ml.evaluation.bootstrap``)."""

from __future__ import annotations

import math
import statistics
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import t as student_t
from support.score_references import NO_RANGES, Row, assert_same, mean, scores_of

from rossmann_ml.evaluation.bootstrap import (
    BOUNDED,
    SEED,
    bounds,
    common_days,
    draw_origins,
    independent_origins,
)
from rossmann_ml.evaluation.metrics import segment_sums

FIRST = date(2015, 1, 5)
HORIZON = 14
DRAWS = 60
RANGES = {
    name: pl.lit(None, pl.Boolean if name.startswith("inside") else pl.Float64)
    for name in NO_RANGES
}


def weekly(number: int) -> list[date]:
    return [FIRST + timedelta(days=7 * each) for each in range(number)]


def made(origins: list[date], *, calibrated_from: int = 0) -> dict[date, list[Row]]:
    """Draw two stores' rows of each origin; earlier origins have no intervals."""
    rng = np.random.default_rng(5)
    found: dict[date, list[Row]] = {}
    for number, origin in enumerate(origins):
        shared = rng.normal(0, 0.1)
        for day in range(1, 4):
            sales = float(rng.uniform(50, 150))
            row: dict[str, Any] = {
                **NO_RANGES,
                "forecast_origin": origin, "model": "blend", "store_id": day % 2,
                "target_date": origin + timedelta(days=day), "horizon_days": day, "sales": sales,
                "forecast": sales * math.exp(shared + rng.normal(0, 0.1)), "store_type": "a",
                "state": "BY", "is_promo": True, "holiday_nearby": "ordinary",
            }  # fmt: skip
            if number >= calibrated_from:
                row |= {"inside_80": bool(rng.random() < 0.8), "inside_95": True}
            found.setdefault(origin, []).append(row)
    return found


def overall(by_origin: dict[date, list[Row]], **options: int) -> dict[str, Any]:
    rows = pl.DataFrame(
        [row for part in by_origin.values() for row in part],
        schema_overrides=dict.fromkeys(("inside_80", "inside_95"), pl.Boolean)
        | dict.fromkeys(("pinball", "interval_score_80", "interval_score_95"), pl.Float64),
    )
    sums = segment_sums(rows, by=["model", "forecast_origin"])
    found = bounds(sums, horizon_days=HORIZON, **{"draws": DRAWS, **options})
    return found.row(by_predicate=pl.col("segment_kind") == "overall", named=True)


def plain_samples(origins: list[date]) -> list[list[date]]:
    """Draw blocks of two weekly origins."""
    rng = np.random.default_rng(SEED)
    starts = rng.integers(len(origins), size=(DRAWS, math.ceil(len(origins) / 2))).tolist()
    around = [*origins, origins[0]]
    return [
        [origin for start in blocks for origin in around[start : start + 2]][: len(origins)]
        for blocks in starts
    ]


def common(one: date, two: date) -> float:
    return max(0.0, 1 - abs((one - two).days) / HORIZON)


def plain_factor(samples: list[list[date]], origins: list[date], behind: list[date]) -> float:
    """Return by how much the quantiles over samples are too close to the figure."""

    def variance(times: dict[date, float]) -> float:
        return math.fsum(
            times[one] * times[two] * common(one, two) for one in origins for two in origins
        )

    sampled = mean([variance({each: drawn.count(each) - 1.0 for each in origins})
                    for drawn in samples])  # fmt: skip
    whole = variance(dict.fromkeys(origins, 1.0))
    independent = len(behind) ** 2 / math.fsum(common(one, two) for one in behind for two in behind)
    normal = statistics.NormalDist().inv_cdf(0.95)
    return math.sqrt(whole / sampled) * float(student_t.ppf(0.95, independent - 1)) / normal


def plain_bounds(by_origin: dict[date, list[Row]], calibrated: list[date]) -> dict[str, float]:
    """Score the rows of each sample, take quantiles, and stretch them."""

    def scores(drawn: list[date]) -> Row:
        each = [scores_of(by_origin[origin])["rmspe"] for origin in drawn]
        whole = scores_of([row for origin in drawn for row in by_origin[origin]])
        return {**whole, "rmspe_median": statistics.median(each)}

    origins = list(by_origin)
    samples = plain_samples(origins)
    sampled, whole = [scores(drawn) for drawn in samples], scores(origins)
    found = {}
    for name in BOUNDED:
        is_coverage = name.startswith("coverage")
        factor = plain_factor(samples, origins, calibrated if is_coverage else origins)
        ordered = sorted(each[name] for each in sampled if each[name] is not None)
        for side, tail in (("lower", 0.05), ("upper", 0.95)):
            place = tail * (len(ordered) - 1)
            below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
            quantile = below + (above - below) * (place % 1)
            end = whole[name] + factor * (quantile - whole[name])
            if name != "bias":
                end = max(0.0, min(1.0, end) if is_coverage else end)
            found[f"{name}_{side}"] = end
    return found


@pytest.mark.parametrize("number", [9, 10])
def test_bounds_are_stretched_quantiles_over_samples_of_blocks_that_cover_a_horizon(
    number: int,
) -> None:
    origins = weekly(number)
    by_origin = made(origins, calibrated_from=1)
    found = overall(by_origin)
    for name, value in plain_bounds(by_origin, origins[1:]).items():
        assert_same(found[name], value)
    assert found == overall(by_origin)


def test_fewer_than_four_independent_origins_give_no_bounds() -> None:
    enough = overall(made(weekly(8), calibrated_from=1))  # 8 are as good as 4.3, 7 as 3.8
    assert enough["rmspe_lower"] < enough["rmspe_upper"]
    assert enough["bias_upper"] is not None
    assert enough["coverage_80_lower"] is None
    few = overall(made(weekly(7)))
    assert {few[f"{name}_{side}"] for name in BOUNDED for side in ("lower", "upper")} == {None}
    alone = overall(made(weekly(1)))
    assert alone["bias_lower"] is None


def test_a_block_has_the_origins_of_one_horizon_and_all_are_drawn_equally_often() -> None:
    drawn = draw_origins(weekly(12), horizon_days=42, draws=3000)
    assert drawn.shape == (3000, 12)
    assert (np.diff(drawn[:, :6], axis=1) % 12 == 1).all()
    assert np.bincount(drawn.reshape(-1)) / drawn.size == pytest.approx(
        np.full(12, 1 / 12), rel=0.1
    )
    apart = [FIRST + timedelta(days=42 * each) for each in range(9)]
    assert (np.diff(draw_origins(apart, horizon_days=42, draws=50), axis=1) % 9 != 1).any()
    behind = np.ones((9, 1), bool)
    assert independent_origins(behind, common_days(apart, horizon_days=42)).tolist() == [9]


def test_bounds_hold_the_true_figure_about_as_often_as_they_say() -> None:
    """Errors of neighbouring weeks are shared: bounds from single weeks would be too narrow."""
    rng = np.random.default_rng(7)
    weeks, worlds = 52, 250
    steps = rng.normal(0, 0.02, (worlds, weeks + 5))
    shared = np.stack([np.convolve(each, np.ones(6), "valid") for each in steps])
    rows = pl.DataFrame(
        {
            "forecast_origin": weekly(weeks) * worlds, "target_date": weekly(weeks) * worlds,
            "model": np.repeat(np.arange(worlds).astype(str), weeks),
            "forecast": 100 * (1 + shared.reshape(-1)),
        }
    ).with_columns(
        sales=pl.lit(100.0), horizon_days=pl.lit(1), store_type=pl.lit("a"), state=pl.lit("BY"),
        is_promo=pl.lit(True), holiday_nearby=pl.lit("ordinary"), **RANGES,
    )  # fmt: skip
    sums = segment_sums(rows, by=["model", "forecast_origin"]).filter(
        pl.col("segment_kind") == "overall"
    )
    found = bounds(sums, horizon_days=42, draws=150)
    inside = pl.lit(0).is_between("bias_lower", "bias_upper").mean()
    assert 0.85 <= found.select(inside).item() <= 0.95
