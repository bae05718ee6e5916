"""Forecasts that each origin would have served: blend, bias factor, interval (``backtest.served``).

The reference follows the docstrings of ``backtest.served``, ``blend.fit_weights``,
``calibration.point_log_shift`` and ``Calibration.fit``; for intervals it is in
``support.calibration_reference``.
"""

from __future__ import annotations

import math
import statistics
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calibration_reference import error_quantile, scale_of_errors
from support.evaluation_world import FAMILIES, HORIZON_DAYS, made_folds
from support.score_references import NO_RANGES, Row, by_origin, interval_score, mean, pinball

from rossmann_ml.evaluation.backtest import served
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.recipe import RecipeKey

START = date(2015, 1, 4)
KEY = RecipeKey("features", {family: f"of {family}" for family in FAMILIES}, shrinkage=0.2)
MODELS = ("blend", "linear", *FAMILIES)
# Origins less than a horizon apart overlap, origins a whole horizon apart do not.
GAPS = st.lists(st.sampled_from([7, 13, 14, 15, 28]), min_size=0, max_size=3)


def origins_at(gaps: list[int]) -> list[date]:
    return [START + timedelta(days=sum(gaps[:number])) for number in range(len(gaps) + 1)]


def key_of(families: tuple[str, ...]) -> RecipeKey:
    return RecipeKey("features", {family: f"of {family}" for family in families}, shrinkage=0.2)


def usual(values: list[float], middle: float) -> list[float]:
    """Centre values on a median, without those that differ by a factor of two or more."""
    return [value - middle for value in values if abs(value - middle) < math.log(2)]


def weight_of_the_first(earlier: list[Row], shrinkage: float) -> float:
    """Return the weight of the first of two members with the least cost, to three digits."""
    first, both, second, origins = 0.0, 0.0, 0.0, 0
    for rows in by_origin(earlier).values():
        errors = [
            tuple(row[family] - math.log(row["sales"]) for family in FAMILIES) for row in rows
        ]
        middle = statistics.median((one + two) / 2 for one, two in errors)
        kept = [
            (one - middle, two - middle)
            for one, two in errors
            if abs((one + two) / 2 - middle) < math.log(2)
        ]
        unit = sum(one**2 + two**2 for one, two in kept) / 2
        first += sum(one * one for one, _ in kept) / unit
        both += sum(one * two for one, two in kept) / unit
        second += sum(two * two for _, two in kept) / unit
        origins += 1
    first, both, second = first / origins, both / origins, second / origins
    # minimum of a² first + 2 a (1 - a) both + (1 - a)² second + shrinkage (2 (a - 1/2)²)
    least = (second - both + shrinkage) / (first - 2 * both + second + 2 * shrinkage)
    return round(min(max(least, 0.0), 1.0), 3)


def log_shift(earlier: list[Row], forecast: str) -> float:
    """Return the median over origins of log E[r] / E[r²]; r is forecast over sales, centred."""
    shifts = []
    for rows in by_origin(earlier).values():
        ratios = [row[forecast] - math.log(row["sales"]) for row in rows]
        kept = [math.exp(value) for value in usual(ratios, statistics.median(ratios))]
        shifts.append(math.log(mean(kept) / mean([ratio**2 for ratio in kept])))
    return statistics.median(shifts)


def reference(folds: pl.DataFrame) -> list[Row]:
    """Compute the served forecasts of every origin from earlier origins, row by row."""
    rows = folds.rows(named=True)
    over_on = {
        origin: max(row["target_date"] for row in part) for origin, part in by_origin(rows).items()
    }
    found = []
    for origin in sorted(over_on):
        part = [dict(row) for row in rows if row["forecast_origin"] == origin]
        earlier = [dict(row) for row in rows if over_on[row["forecast_origin"]] <= origin]
        weight = weight_of_the_first(earlier, 0.2) if earlier else 0.5
        for row in (*part, *earlier):
            row["blend"] = weight * row[FAMILIES[0]] + (1 - weight) * row[FAMILIES[1]]
        if earlier:
            shifts = {name: log_shift(earlier, name) for name in MODELS}
        else:
            spread = -1.5 * mean([row["spread"] ** 2 for row in part])
            shifts = dict.fromkeys(MODELS, spread)
        outcome = [{"log_forecast": row["blend"]} for row in part]
        for each, row in zip(outcome, part, strict=True):
            each |= {name: math.exp(row[name] + shifts[name]) for name in MODELS}
            each.update(NO_RANGES)
        known = [row | {"log_forecast": row["blend"]} for row in earlier]
        scale = scale_of_errors(known) if earlier else None
        for level in (80, 95) if scale else ():
            low, high = (error_quantile(known, (100 + sign * level) / 200) for sign in (-1, 1))
            for each, row in zip(outcome, part, strict=True):
                bounds = [math.exp(row["blend"] + scale(row) * error) for error in (low, high)]
                bounds.append(each["blend"])
                each[f"inside_{level}"] = min(bounds) <= row["sales"] <= max(bounds)
                each[f"interval_score_{level}"] = interval_score(
                    row["sales"], min(bounds), max(bounds), level
                )
        if scale:
            errors = [error_quantile(known, number / 10) for number in range(1, 10)]
            for each, row in zip(outcome, part, strict=True):
                deciles = [math.exp(row["blend"] + scale(row) * error) for error in errors]
                each["pinball"] = pinball(row["sales"], deciles)
        kept = ("forecast_origin", "store_id", "target_date", "horizon_days", "sales", "spread")
        found += [
            {**{name: row[name] for name in kept}, **each}
            for row, each in zip(part, outcome, strict=True)
        ]
    return found


@settings(max_examples=25, deadline=None, derandomize=True)
@given(gaps=GAPS, seed=st.integers(0, 10_000), stores=st.integers(1, 3))
def test_every_origin_is_served_from_origins_that_were_over_by_then(
    gaps: list[int], seed: int, stores: int
) -> None:
    folds = made_folds(seed, origins=origins_at(gaps), stores=stores)
    found = served(folds, KEY).rows(named=True)
    expected = reference(folds)
    assert len(found) == len(expected) == len(folds)
    for row, other in zip(found, expected, strict=True):
        for name, value in other.items():
            if isinstance(value, float):
                assert row[name] == pytest.approx(value, rel=1e-9), name
            else:
                assert row[name] == value, name


def test_the_rows_hold_a_forecast_in_sales_a_model_in_place_of_the_logs() -> None:
    folds = made_folds(1, origins=[START])
    assert served(folds, KEY).columns == [
        *(name for name in folds.columns if name not in ("linear", *FAMILIES)),
        "log_forecast", "linear", *FAMILIES, "blend", *NO_RANGES,
    ]  # fmt: skip


def test_the_first_origin_has_no_interval_equal_weights_and_a_factor_from_its_spread() -> None:
    folds = made_folds(2, origins=[START])
    found = served(folds, KEY)
    assert found["inside_80"].null_count() == found["inside_95"].null_count() == len(folds)
    logs = (folds[FAMILIES[0]] + folds[FAMILIES[1]]) / 2
    assert found["log_forecast"].to_list() == pytest.approx(logs.to_list(), rel=1e-14)
    shift = -1.5 * mean([spread**2 for spread in folds["spread"]])
    assert (found["blend"].log() - logs).to_list() == pytest.approx([shift] * len(folds))


@pytest.mark.parametrize(("gap", "is_over"), [(HORIZON_DAYS - 1, False), (HORIZON_DAYS, True)])
def test_an_origin_counts_from_the_day_on_that_its_last_day_is_known(
    gap: int, is_over: bool
) -> None:
    folds = made_folds(3, origins=origins_at([gap]), rows_share=1.0)
    newest = served(folds, KEY).filter(pl.col("forecast_origin") > START)
    assert newest["inside_80"].is_not_null().all() == is_over
    assert newest["inside_80"].is_null().all() != is_over


def test_an_origin_does_not_count_for_itself_nor_for_an_earlier_one() -> None:
    origins = origins_at([14, 14])
    folds = made_folds(4, origins=origins)
    own_and_later = pl.col("forecast_origin") >= origins[1]
    other = folds.with_columns(sales=pl.when(own_and_later).then(1.0).otherwise("sales"))
    unchanged = pl.col("forecast_origin") <= origins[1]
    forecasts = ["store_id", "target_date", *MODELS]
    assert (
        served(other, KEY)
        .filter(unchanged)
        .select(forecasts)
        .equals(served(folds, KEY).filter(unchanged).select(forecasts))
    )


def test_sales_exactly_on_a_bound_are_inside_and_the_next_number_is_not() -> None:
    folds = made_folds(5, origins=origins_at([14]), families=FAMILIES[:1], stores=1)
    earlier = folds.filter(pl.col("forecast_origin") == START)
    newest = folds.filter(pl.col("forecast_origin") > START)
    calibration = Calibration.fit(earlier.rename({FAMILIES[0]: "log_forecast"}))
    bounds = calibration.bounds(newest.rename({FAMILIES[0]: "log_forecast"}))
    one = key_of(FAMILIES[:1])

    def inside(sales: pl.Series, level: int) -> set[bool]:
        rows = pl.concat([earlier, newest.with_columns(sales=sales)])
        found = served(rows, one).filter(pl.col("forecast_origin") > START)
        return set(found[f"inside_{level}"])

    for level in (80, 95):
        for bound, beyond in ((f"lower_{level}", -math.inf), (f"upper_{level}", math.inf)):
            at = bounds[bound]
            assert inside(at, level) == {True}
            off = pl.Series([math.nextafter(value, beyond) for value in at])
            assert inside(off, level) == {False}


def test_a_single_member_is_the_blend() -> None:
    folds = made_folds(6, origins=origins_at([14, 14]), families=FAMILIES[:1])
    found = served(folds, key_of(FAMILIES[:1]))
    assert found["blend"].equals(found[FAMILIES[0]].alias("blend"))
