"""Half-widths by horizon week, bounds of days and the spread that scales them.

See the docstrings of ``Calibration`` and ``interval_spread``, and docs/explanation/intervals.md,
for the definitions.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calibration_reference import conformal_score, log_shift

from rossmann_ml.models.calibration import Calibration, interval_spread

FIRST = date(2015, 1, 4)
RELATIVE = 1e-12  # logs and exponentials of two libraries differ in the last bit


def out_of_fold(seed: int, origins: int, days: int, stores: int) -> pl.DataFrame:
    """Build open days of past origins with errors, some of them very large."""
    random = np.random.default_rng(seed)
    rows = [
        {
            "forecast_origin": FIRST + timedelta(days=30 * origin),
            "store_id": store,
            "target_date": FIRST + timedelta(days=30 * origin + day),
            "horizon_days": day,
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
def test_a_fit_is_the_conformal_score_of_each_week_and_the_shift_of_the_origins(
    rows: pl.DataFrame,
) -> None:
    scores: dict[int, list[float]] = {}
    ratios: dict[date, list[float]] = {}
    for row in rows.iter_rows(named=True):
        error = row["log_forecast"] - math.log(row["sales"])
        week = math.ceil(row["horizon_days"] / 7)  # days 1 to 7 are week 1
        scores.setdefault(week, []).append(abs(error) / row["spread"])
        ratios.setdefault(row["forecast_origin"], []).append(error)
    fitted = Calibration.fit(rows)
    assert list(fitted.half_widths) == ["80", "95"]
    for level, widths in fitted.half_widths.items():
        expected = [
            conformal_score(scores.get(week, []), int(level)) for week in range(1, max(scores) + 1)
        ]
        assert widths == pytest.approx(expected, rel=RELATIVE, abs=1e-12)
    assert fitted.log_shift == pytest.approx(log_shift(ratios.values()), rel=1e-9, abs=1e-12)
    assert fitted.origins == [day.isoformat() for day in sorted(ratios)]


def test_the_order_of_the_rows_does_not_change_a_bit_of_a_fit() -> None:
    rows = out_of_fold(3, origins=3, days=20, stores=4)
    assert Calibration.fit(rows.sample(fraction=1, shuffle=True, seed=1)) == Calibration.fit(rows)


@given(
    log_shift=st.floats(-0.2, 0.2),
    widths_80=st.lists(st.floats(0, 3), min_size=2, max_size=2),
    widths_95=st.lists(st.floats(0, 3), min_size=2, max_size=2),
    days=st.lists(
        st.tuples(st.integers(1, 30), st.floats(0.05, 0.6), st.floats(2, 11)), min_size=1
    ),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_bounds_are_the_weeks_half_width_around_the_log_forecast(
    log_shift: float,
    widths_80: list[float],
    widths_95: list[float],
    days: list[tuple[int, float, float]],
) -> None:
    calibration = Calibration(log_shift, {"80": widths_80, "95": widths_95}, [])
    found = calibration.bounds(*(np.array(column) for column in zip(*days, strict=True)))
    assert found.columns == ["sales_forecast", "lower_80", "upper_80", "lower_95", "upper_95"]
    for row, (horizon_day, spread, log_forecast) in zip(
        found.iter_rows(named=True), days, strict=True
    ):
        # days 1 to 7 have the first width, all later days the last one
        week = 0 if horizon_day <= 7 else 1
        point = math.exp(log_forecast + log_shift)
        narrow = widths_80[week] * spread
        wide = max(widths_95[week] * spread, narrow)
        assert row["sales_forecast"] == pytest.approx(point, rel=RELATIVE)
        for level, half in (("80", narrow), ("95", wide)):
            lower = min(math.exp(log_forecast - half), point)
            upper = max(math.exp(log_forecast + half), point)
            assert row[f"lower_{level}"] == pytest.approx(lower, rel=RELATIVE)
            assert row[f"upper_{level}"] == pytest.approx(upper, rel=RELATIVE)
        assert row["lower_95"] <= row["lower_80"] <= row["sales_forecast"]
        assert row["sales_forecast"] <= row["upper_80"] <= row["upper_95"]


@pytest.mark.parametrize(
    ("horizon_day", "width"), [(1, 1), (7, 1), (8, 2), (14, 2), (15, 4), (21, 4), (22, 4), (60, 4)]
)
def test_a_day_takes_the_width_of_its_week_and_after_the_last_week_the_last(
    horizon_day: int, width: float
) -> None:
    calibration = Calibration(0.0, {"80": [1.0, 2.0, 4.0], "95": [1.0, 2.0, 4.0]}, [])
    (upper,) = calibration.bounds(np.array([horizon_day]), np.array([0.25]), np.array([0.0]))[
        "upper_80"
    ]
    assert upper == pytest.approx(math.exp(width / 4), rel=RELATIVE)


def test_a_point_below_all_bounds_is_the_lower_bound_itself() -> None:
    found = Calibration(-1.0, {"80": [1.0], "95": [2.0]}, []).bounds(
        np.array([1]), np.array([0.1]), np.array([5.0])
    )
    assert found["lower_80"][0] == found["lower_95"][0] == found["sales_forecast"][0]
    assert found["upper_95"][0] == pytest.approx(math.exp(5.2), rel=RELATIVE)


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
