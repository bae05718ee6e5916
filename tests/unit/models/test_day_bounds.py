"""Quantiles of scaled errors, bounds of days, and the scale and the spread that stretch them.

See the docstrings of ``Calibration``, ``ErrorScale`` and ``interval_spread``, and
docs/explanation/intervals.md, for the definitions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calibration_reference import error_quantile, log_shift, scale_of_errors
from support.rule_bundle import DAILY

from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.error_scale import interval_spread

FIRST = date(2015, 1, 4)
BOUNDS = ["lower_95", "lower_80", "sales_forecast", "upper_80", "upper_95"]
RELATIVE = 1e-12  # logs and exponentials of two libraries differ in the last bit


def out_of_fold(seed: int, origins: int, days: int, stores: int) -> pl.DataFrame:
    """Build open days of past origins with errors, some of them very large."""
    random = np.random.default_rng(seed)
    rows = [
        {
            "forecast_origin": FIRST + timedelta(days=30 * origin),
            "store_id": store,
            "target_date": FIRST + timedelta(days=30 * origin + day),
            "is_promo": bool(random.random() < 0.4),
            "sales": float(random.integers(1, 9000)),
            "spread": float(random.uniform(0.05, 0.5)),
            "error": float(random.standard_t(2) * 0.2),
        }
        for origin in range(origins)
        for store in range(stores)
        for day in range(1, days + 1)
        if random.random() < 0.8 or (store == 0 and day == 1)
    ]
    return (
        pl.DataFrame(rows)
        .with_columns(log_forecast=pl.col("sales").log() + pl.col("error"))
        .drop("error")
    )


worlds = st.builds(
    out_of_fold,
    seed=st.integers(0, 10_000),
    origins=st.integers(1, 4),
    days=st.integers(1, 23),
    stores=st.integers(1, 4),
)


@given(rows=worlds)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_fit_has_the_scale_of_past_errors_their_quantiles_and_the_shift_of_the_origins(
    rows: pl.DataFrame,
) -> None:
    listed = rows.rows(named=True)
    ratios: dict[date, list[float]] = {}
    for row in listed:
        error = row["log_forecast"] - math.log(row["sales"])
        ratios.setdefault(row["forecast_origin"], []).append(error)
    fitted, scale = Calibration.fit(rows), scale_of_errors(listed)
    assert fitted.scale.of_past(rows) == pytest.approx([scale(row) for row in listed], rel=1e-9)
    for level in (0.01, 0.025, 0.1, 0.5, 0.77, 0.9, 0.975, 0.99):
        found = fitted.quantiles[fitted.levels.index(level)]
        assert found == pytest.approx(error_quantile(listed, level), rel=1e-9, abs=1e-12)
    assert fitted.log_shift == pytest.approx(log_shift(ratios.values()), rel=1e-9, abs=1e-12)
    assert fitted.origins == [day.isoformat() for day in sorted(ratios)]


def test_the_order_of_the_rows_does_not_change_a_bit_of_a_fit() -> None:
    rows = out_of_fold(3, origins=3, days=20, stores=4)
    assert Calibration.fit(rows.sample(fraction=1, shuffle=True, seed=1)) == Calibration.fit(rows)


@given(rows=worlds, levels=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=9))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_quantiles_never_cross_and_intervals_contain_the_forecast(
    rows: pl.DataFrame, levels: list[float]
) -> None:
    fitted = Calibration.fit(rows)
    quantiles = fitted.quantiles_of(rows, sorted(levels))
    assert quantiles.shape == (len(rows), len(levels))
    assert (np.diff(quantiles, axis=1) >= 0).all()
    bounds = fitted.bounds(rows)
    for row in bounds.select(BOUNDS).rows():
        assert list(row) == sorted(row)
    median = np.exp(rows["log_forecast"].to_numpy())
    assert fitted.quantiles_of(rows, [0.5])[:, 0] == pytest.approx(median, rel=RELATIVE)


def day_of(store: int, *, weekday: int = 2, is_promo: bool = False, spread: float) -> pl.DataFrame:
    """Build a store-day whose log forecast is 5."""
    return pl.DataFrame(
        {
            "store_id": [store],
            "target_date": [date(2015, 6, 21) + timedelta(days=weekday)],
            "is_promo": [is_promo],
            "spread": [spread],
            "log_forecast": [5.0],
        }
    )


@pytest.mark.parametrize(
    ("day", "size"),
    [
        (day_of(9, spread=0.1), 0.05),  # unknown store: half of its spread
        (day_of(9, spread=0.4), 0.2),
        (day_of(1, spread=0.1), (40 + 100 * 0.05) / 400),  # 300 days of its own, 100 of the prior
        (day_of(1, spread=0.1, weekday=1, is_promo=True), 1.5 * (40 + 5) / 400),
        (day_of(1, spread=0.1, weekday=1), (40 + 5) / 400),
    ],
)
def test_a_bound_is_the_quantile_of_the_error_times_the_scale_of_the_day(
    day: pl.DataFrame, size: float
) -> None:
    scale = math.sqrt(size * day["spread"][0])
    expected = {
        "sales_forecast": 4.98, "lower_80": 5 - 1.5 * scale, "upper_80": 5 + scale,
        "lower_95": 5 - 2.5 * scale, "upper_95": 5 + 2 * scale,
    }  # fmt: skip
    (found,) = DAILY.bounds(day).rows(named=True)
    assert {name: math.log(value) for name, value in found.items()} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("day", "factor"),
    [
        (date(2014, 12, 7), 1.0),
        (date(2014, 12, 8), 1.8),
        (date(2015, 1, 6), 1.8),
        (date(2015, 1, 7), 1.0),
    ],
)
def test_the_scale_is_larger_from_8_december_to_6_january(day: date, factor: float) -> None:
    of_day = day_of(9, spread=0.1).with_columns(target_date=pl.lit(day))
    assert DAILY.scale.of_past(of_day)[0] == pytest.approx(factor * math.sqrt(0.05 * 0.1))
    coming = math.sqrt(factor) * math.sqrt(0.05 * 0.1)
    assert DAILY.scale.of(of_day)[0] == pytest.approx(coming)


def test_a_level_between_two_stored_ones_is_interpolated_and_levels_end_at_1_and_99_percent() -> (
    None
):
    day = day_of(9, spread=0.2)
    scale = math.sqrt(0.1 * 0.2)
    (found,) = np.log(DAILY.quantiles_of(day, [0.01, 0.3, 0.7, 0.99]))
    assert found == pytest.approx([5 - 4 * scale, 5 - 0.75 * scale, 5 + 0.5 * scale, 5 + 3 * scale])
    for level in (0.0099, 0.991):
        with pytest.raises(ValueError, match=f"the level {level} of a quantile is not between"):
            DAILY.quantiles_of(day, [0.5, level])


def test_a_point_outside_the_bounds_is_the_bound_itself() -> None:
    found = replace(DAILY, log_shift=-1.0).bounds(day_of(9, spread=0.1))
    assert found["lower_80"][0] == found["lower_95"][0] == found["sales_forecast"][0]
    assert found["upper_95"][0] > math.exp(5)


def test_a_store_of_large_errors_and_a_new_store_have_wider_intervals_of_their_own() -> None:
    rows = out_of_fold(5, origins=4, days=23, stores=2).with_columns(spread=pl.lit(0.1))
    error = pl.col("log_forecast") - pl.col("sales").log()
    rows = rows.with_columns(
        log_forecast=pl.col("sales").log() + error * pl.col("store_id").replace({0: 0.5, 1: 2})
    )
    scale = Calibration.fit(rows).scale
    steady, unsteady, new = (
        scale.of(day_of(store, spread=spread))[0]
        for store, spread in ((0, 0.1), (1, 0.1), (7, 0.4))
    )
    assert steady < unsteady < new


def reference_spread(own: float | None, days: float) -> float:
    """Calculate the spread by its definition, with every constant as a number."""
    known = 0.15 if own is None or math.isnan(own) else min(max(own, 0.05), 0.5)
    unknown = 0.35 * math.exp(-days / 20)
    return math.hypot(known, unknown)


@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.just(math.nan), st.floats(0, 1, width=32)),
            st.integers(0, 364),
        ),
        min_size=1,
    )
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_spread_is_the_stores_own_and_what_its_few_days_leave_unknown(
    rows: list[tuple[float | None, int]],
) -> None:
    panel = pl.DataFrame(
        rows,
        schema={"residual_std_182d": pl.Float32, "observed_days_364d": pl.Float32},
        orient="row",
    )
    expected = [reference_spread(own, days) for own, days in rows]
    assert interval_spread(panel) == pytest.approx(expected, rel=RELATIVE)


@pytest.mark.parametrize(
    ("own", "days", "spread"),
    [
        (0.04, 1e9, 0.05),
        (0.05, 1e9, 0.05),
        (0.051, 1e9, 0.051),
        (0.499, 1e9, 0.499),
        (0.5, 1e9, 0.5),
        (0.51, 1e9, 0.5),
        (math.nan, 1e9, 0.15),
        (None, 0, math.sqrt(0.15**2 + 0.35**2)),  # a store that opens within the horizon
        (0.1, 20, math.sqrt(0.1**2 + (0.35 / math.e) ** 2)),
    ],
)
def test_a_spread_at_its_limits(own: float | None, days: float, spread: float) -> None:
    panel = pl.DataFrame({"residual_std_182d": [own], "observed_days_364d": [days]})
    assert interval_spread(panel).tolist() == pytest.approx([spread], rel=RELATIVE)
