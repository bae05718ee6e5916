"""Unbiased totals and their intervals, with errors drawn from known distributions."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rossmann_ml.evaluation.metrics import score_sums
from rossmann_ml.evaluation.total_scores import total_outcomes, total_sums
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.nested_variance import nested_variance
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.models.totals import SEGMENT_LEVELS, add_up

HORIZON = 42
FIRST = date(2014, 1, 3)
BOUNDS = ["lower_95", "lower_80", "unbiased", "upper_80", "upper_95"]
STORES = pl.DataFrame(
    {
        "store_id": range(1, 25),
        "store_type": [("a", "b")[number % 2] for number in range(24)],
        "assortment": [("a", "c")[number // 12] for number in range(24)],
        "state": [("HE", "BY", None)[number % 3] for number in range(24)],
    },
    schema_overrides={"store_id": pl.Int32},
)


def simulated(
    *,
    origins: int = 8,
    seed: int = 1,
    horizon: float = 0.0,
    week: float = 0.0,
    day: float = 0.0,
    rest: float = 0.1,
    shift: float | None = None,
    step_days: int = HORIZON,
) -> pl.DataFrame:
    """Build open store-days whose log error is the sum of a chain's and a store-day's error.

    ``horizon``, ``week`` and ``day`` are standard deviations of the parts of the chain's error,
    ``rest`` is that of the store-day's error. ``shift`` is subtracted from the log forecast; None
    for the shift with the least squared percentage error.
    """
    shift = 1.5 * rest**2 if shift is None else shift
    random = np.random.default_rng(seed)
    days, stores = np.arange(1, HORIZON + 1), STORES["store_id"].to_numpy()
    parts = []
    for number in range(origins):
        origin = FIRST + timedelta(days=step_days * number)
        targets = [origin + timedelta(days=int(each)) for each in days]
        week_of_day = np.array([(each - date(2014, 1, 6)).days // 7 for each in targets])
        common = random.normal(0, horizon) + random.normal(0, day, HORIZON)
        common += random.normal(0, week, 9)[week_of_day - week_of_day.min()]
        error = common[None, :] + random.normal(0, rest, (len(stores), HORIZON))
        level = 1000 * np.exp(random.normal(0, 0.3, (len(stores), 1)))
        sales = level * np.exp(random.normal(0, 0.2, (1, HORIZON)))
        parts.append(
            pl.DataFrame(
                {
                    "forecast_origin": [origin] * sales.size,
                    "store_id": np.repeat(stores, HORIZON),
                    "target_date": targets * len(stores),
                    "horizon_days": np.tile(days, len(stores)),
                    "is_promo": False,
                    "sales": sales.reshape(-1),
                    "log_forecast": (np.log(sales) - error).reshape(-1),
                    "forecast": np.exp(np.log(sales) - error - shift).reshape(-1),
                    "spread": 0.1,
                }
            )
        )
    return pl.concat(parts)


def fitted(rows: pl.DataFrame) -> TotalCalibration:
    return TotalCalibration.fit(rows, STORES, horizon_days=HORIZON)


def bounded(calibration: TotalCalibration, rows: pl.DataFrame) -> pl.DataFrame:
    """Return totals with their bounds in EUR."""
    totals = add_up(rows, STORES, horizon_days=HORIZON)
    return pl.concat([totals, calibration.factors(totals)], how="horizontal").with_columns(
        (pl.col("forecast") * pl.col(f"{name}_factor")).alias(name) for name in BOUNDS
    )


def weeks(totals: pl.DataFrame, level: str) -> pl.DataFrame:
    whole = pl.col("last_date") - pl.col("first_date") == pl.duration(days=6)
    return totals.filter(
        (pl.col("level") == level) & whole & (pl.col("first_date").dt.weekday() == 1)
    )


def first_days(totals: pl.DataFrame, level: str, days: int) -> pl.DataFrame:
    return totals.filter(
        pl.col("level") == level,
        pl.col("first_date") == pl.col("forecast_origin") + pl.duration(days=1),
        pl.col("last_date") == pl.col("forecast_origin") + pl.duration(days=days),
    )


def coverage(totals: pl.DataFrame, level: int) -> float:
    inside = totals["sales"].is_between(totals[f"lower_{level}"], totals[f"upper_{level}"])
    return float(inside.to_numpy().mean())


def width(totals: pl.DataFrame, level: int = 95) -> float:
    return float((totals[f"upper_{level}"] - totals[f"lower_{level}"]).to_numpy().mean())


@pytest.mark.parametrize("level", SEGMENT_LEVELS)
def test_new_origins_with_an_error_common_to_the_chain_are_covered(level: str):
    errors = {"horizon": 0.03, "week": 0.02, "day": 0.04, "rest": 0.1}
    calibration = fitted(simulated(origins=10, seed=1, **errors))
    unseen = bounded(calibration, simulated(origins=60, seed=2, **errors))
    for totals in (weeks(unseen, level), first_days(unseen, level, HORIZON)):
        assert 0.72 <= coverage(totals, 80) <= 0.92
        assert 0.90 <= coverage(totals, 95) <= 0.995


def test_sums_of_daily_bounds_are_far_wider_than_the_bound_of_an_independent_sum():
    rows = simulated(rest=0.1)
    daily = pl.concat(
        [
            rows,
            Calibration.fit(rows).bounds(rows),
        ],
        how="horizontal",
    )
    sums = daily.group_by("forecast_origin").agg(pl.col("lower_95", "upper_95").sum())
    total = first_days(bounded(fitted(rows), rows), "chain", HORIZON)
    assert width(sums) > 8 * width(total)
    assert coverage(first_days(bounded(fitted(rows), rows), "chain", HORIZON), 95) == 1


def test_an_error_common_to_the_chain_does_not_cancel_out():
    alone = simulated(rest=0.1)
    common = simulated(rest=0.1, horizon=0.05)
    assert width(first_days(bounded(fitted(common), common), "chain", HORIZON)) > 5 * width(
        first_days(bounded(fitted(alone), alone), "chain", HORIZON)
    )


def test_the_unbiased_total_reverses_the_bias_factor_of_the_daily_forecast():
    errors = {"rest": 0.15, "horizon": 0.01}
    shift = -Calibration.fit(simulated(**errors)).log_shift
    assert shift > 0.02
    rows = simulated(**errors)
    totals = first_days(bounded(fitted(rows), rows), "chain", HORIZON)
    sold = totals["sales"].sum()
    assert totals["forecast"].sum() / sold - 1 < -0.01
    assert abs(totals["unbiased"].sum() / sold - 1) < 0.006


def test_a_season_in_which_the_chain_sold_less_is_no_bias():
    rows = simulated(origins=3)
    slump = pl.col("forecast_origin") == FIRST
    with_slump = rows.with_columns(sales=pl.when(slump).then(0.9).otherwise(1.0) * pl.col("sales"))
    assert fitted(with_slump).log_bias == pytest.approx(fitted(rows).log_bias, abs=1e-9)
    assert fitted(with_slump).chain[0] > 10 * fitted(rows).chain[0]


def test_intervals_get_relatively_narrower_from_store_to_chain_and_from_week_to_horizon():
    rows = simulated(horizon=0.01, week=0.02, day=0.04, rest=0.15)
    totals = bounded(fitted(rows), rows).with_columns(
        relative=(pl.col("upper_95") - pl.col("lower_95")) / pl.col("unbiased")
    )
    by_level = [
        float(weeks(totals, level)["relative"].to_numpy().mean()) for level in SEGMENT_LEVELS
    ]
    assert by_level[0] == min(by_level)
    assert by_level[-1] == max(by_level)
    by_days = [
        float(first_days(totals, "chain", days)["relative"].to_numpy().mean())
        for days in (7, 14, 28, HORIZON)
    ]
    assert by_days == sorted(by_days, reverse=True)


@pytest.mark.parametrize("origins", [2, 8])
def test_the_chain_is_no_less_certain_than_its_stores_together(origins: int):
    rows = simulated(origins=origins, horizon=0.03, week=0.02, day=0.04)
    totals = bounded(fitted(rows), rows).with_columns(wide=pl.col("upper_95") - pl.col("lower_95"))
    key = ["forecast_origin", "first_date", "last_date"]
    stores = totals.filter(pl.col("level") == "store").group_by(key).agg(pl.col("wide").sum())
    both = totals.filter(pl.col("level") == "chain").join(stores, on=key, suffix="_of_stores")
    # the degrees of freedom and the tails of stores differ slightly from those of the chain
    assert (both["wide"] <= 1.25 * both["wide_of_stores"]).all()


def test_few_origins_make_the_same_error_less_certain():
    rows = simulated(origins=8, horizon=0.03)
    calibration = fitted(rows)
    few = TotalCalibration(**{**vars(calibration), "chain_freedom": [2.0, 8.0, 70.0]})
    total = first_days(bounded(calibration, rows), "chain", HORIZON)
    assert width(first_days(bounded(few, rows), "chain", HORIZON)) > 1.5 * width(total)


def test_origins_that_overlap_do_not_count_as_many():
    apart, overlapping = simulated(origins=6), simulated(origins=6, step_days=7)
    assert fitted(apart).chain_freedom[0] == 6
    assert fitted(overlapping).chain_freedom[0] == pytest.approx((5 * 7 + HORIZON) / HORIZON)


def test_one_extreme_day_does_not_widen_every_interval():
    rows = simulated(day=0.03)
    wild = pl.col("target_date") == FIRST + timedelta(days=20)
    with_event = rows.with_columns(
        sales=pl.when(wild).then(pl.col("sales") * 3).otherwise(pl.col("sales"))
    )
    before = width(weeks(bounded(fitted(rows), rows), "chain"))
    after = width(weeks(bounded(fitted(with_event), rows), "chain"))
    assert after < 1.2 * before


positive = st.floats(1e-6, 0.3)


@given(
    log_bias=st.floats(-0.2, 0.2),
    parts=st.lists(positive, min_size=6, max_size=6),
    freedom=st.floats(1, 300),
    quantiles=st.lists(st.floats(0, 5), min_size=2, max_size=2).map(sorted),
    spread=st.floats(0.05, 0.5),
)
@settings(max_examples=40, deadline=None)
def test_bounds_never_cross_and_hold_the_sum_and_the_unbiased_total(
    log_bias: float, parts: list[float], freedom: float, quantiles: list[float], spread: float
):
    variances = np.square(parts).tolist()
    calibration = TotalCalibration(
        log_bias=log_bias,
        chain=variances[:3],
        groups=dict.fromkeys(("store_type", "assortment", "state"), variances[3:]),
        store=parts[3:],
        chain_freedom=[freedom, freedom * 6, freedom * 30],
        group_freedom={level: [freedom] * 3 for level in ("store_type", "assortment", "state")},
        store_quantiles={"80": quantiles[0], "95": quantiles[1]},
        origins=[],
    )
    rows = simulated(origins=1).with_columns(spread=pl.lit(spread))
    totals = bounded(calibration, rows)
    for lower, upper in itertools.pairwise(BOUNDS):
        assert (totals[lower] <= totals[upper]).all(), (lower, upper)
    rounding = 1 + 1e-12
    assert (totals["lower_80"] <= totals["forecast"] * rounding).all()
    assert (totals["forecast"] <= totals["upper_80"] * rounding).all()
    assert (totals["lower_95"] > 0).all()


def test_closed_days_add_nothing_and_closed_totals_have_no_factors():
    rows = simulated(origins=2)
    calibration = fitted(rows)
    newest = rows.filter(pl.col("forecast_origin") == rows["forecast_origin"].max())
    closed = (pl.col("store_id") == 7) | (pl.col("horizon_days") > 35)
    plan = newest.with_columns(is_open=~closed)
    intervals = calibration.intervals(plan, STORES)
    assert intervals.filter(pl.col("level") == "store", pl.col("segment") == "7").is_empty()
    assert intervals["first_date"].max() <= newest["forecast_origin"][0] + timedelta(days=35)
    whole = first_days(intervals, "store", HORIZON)
    assert whole["segment"].to_list() == sorted(str(each) for each in range(1, 25) if each != 7)


def test_a_week_that_is_the_first_seven_days_is_there_once():
    sunday = FIRST + timedelta(days=2)
    rows = simulated(origins=1).with_columns(
        forecast_origin=pl.lit(sunday),
        target_date=pl.lit(sunday) + pl.duration(days=pl.col("horizon_days")),
    )
    totals = add_up(rows, STORES, horizon_days=HORIZON)
    chain = totals.filter(pl.col("level") == "chain")
    assert len(chain) == 6 + 3  # six weeks; the first 14, 28 and 42 days
    assert not totals.select(pl.struct(totals.columns[:5]).is_duplicated()).to_series().any()


def test_totals_of_every_level_hold_the_same_sales():
    rows = simulated(origins=2)
    totals = first_days(add_up(rows, STORES, horizon_days=HORIZON), "chain", HORIZON)
    for level in SEGMENT_LEVELS:
        parts = first_days(add_up(rows, STORES, horizon_days=HORIZON), level, HORIZON)
        assert parts["sales"].sum() == pytest.approx(totals["sales"].sum())
        assert parts["store_days"].sum() == len(rows)
    assert totals["day_concentration"].to_numpy() == pytest.approx(1 / HORIZON, rel=0.2)


def test_the_order_of_rows_does_not_change_a_bit():
    rows = simulated(horizon=0.02, week=0.02, day=0.03)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=5)
    assert fitted(shuffled) == fitted(rows)
    assert_frame_equal(
        add_up(shuffled, STORES, horizon_days=HORIZON),
        add_up(rows, STORES, horizon_days=HORIZON),
        check_exact=True,
    )


def test_nested_variances_are_found_again():
    random = np.random.default_rng(3)
    series, week = 3000, 6
    error = (
        random.normal(0, 0.3, (series, 1, 1))
        + random.normal(0, 0.2, (series, week, 1))
        + random.normal(0, 0.5, (series, week, 5))
    )
    number = np.arange(series * week * 5)
    weight = random.uniform(0.5, 1.5, len(number))
    found = nested_variance(
        series=number // (week * 5), week=number // 5, weight=weight, error=error.reshape(-1)
    )
    assert found == pytest.approx(np.square([0.3, 0.2, 0.5]), rel=0.1)


def test_a_single_day_has_no_variance_of_weeks_and_days():
    first = np.zeros(1, int)
    found = nested_variance(series=first, week=first, weight=np.ones(1), error=np.full(1, 0.1))
    assert found == pytest.approx([0.01, 0, 0])


def test_past_totals_are_bounded_by_origins_that_were_over_only():
    rows = simulated(origins=4, horizon=0.02)
    outcomes = total_outcomes(rows, STORES, horizon_days=HORIZON)
    first, second = sorted(rows["forecast_origin"].unique())[:2]
    assert outcomes.filter(pl.col("forecast_origin") == first)["lower_80"].null_count() > 0
    later = pl.col("forecast_origin") > second
    changed = rows.with_columns(sales=pl.when(later).then(1.0).otherwise(pl.col("sales")))
    judged = pl.col("forecast_origin") <= second
    assert_frame_equal(
        total_outcomes(changed, STORES, horizon_days=HORIZON).filter(judged),
        outcomes.filter(judged),
        check_exact=True,
    )


def test_scores_of_totals_contain_coverage_and_the_bias_of_both_sums():
    rows = simulated(origins=4, horizon=0.01, rest=0.15)
    scores = score_sums(total_sums(rows, STORES, model="lightgbm", horizon_days=HORIZON))
    last = scores.filter(
        pl.col("forecast_origin") == rows["forecast_origin"].max(), pl.col("segment") == "all"
    )
    kinds = {row["segment_kind"]: row for row in last.iter_rows(named=True)}
    assert {
        f"total_{level}_{span}" for level in SEGMENT_LEVELS for span in ("week", "horizon")
    } < set(kinds)
    for kind, row in kinds.items():
        assert (row["coverage_80"] is None) == kind.endswith("_sum")
        assert row["store_days"] == len(STORES) * HORIZON
    assert kinds["total_chain_week_sum"]["bias"] < kinds["total_chain_week"]["bias"] - 0.01
    segments = scores.filter(pl.col("segment_kind") == "total_state_week")["segment"]
    assert set(segments) == {"all", "HE", "BY", "unknown"}
    together = scores.filter(pl.col("forecast_origin").is_null())
    assert len(together) == len(scores.filter(pl.col("forecast_origin") == FIRST))
