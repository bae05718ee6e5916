"""The calibration of totals compared with ``support.total_calibration_reference``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import total_calibration_reference as reference
from support.small_worlds import forecasts_of, stores_of
from support.total_reference import Total

from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.models.totals import add_up

SUNDAY = date(2015, 3, 1)
GROUPS = ("store_type", "assortment", "state")
FACTORS = [
    "unbiased_factor",
    "lower_80_factor", "upper_80_factor", "lower_95_factor", "upper_95_factor",
]  # fmt: skip
SHAPE = ["store_concentration", "week_concentration", "day_concentration"]


def past(
    seed: int, *, origins: int, stores: int, horizon_days: int, first: date = SUNDAY
) -> pl.DataFrame:
    """Build forecasts with errors of chain and stores, a few of them large."""
    rows = forecasts_of(
        seed, origins=origins, stores=stores, horizon_days=horizon_days, first=first, step_days=5
    )
    random = np.random.default_rng(seed)
    common = random.normal(0, 0.1, origins * 5 + horizon_days + 5)
    day = (rows["target_date"] - first).dt.total_days().to_numpy()
    error = common[day] + random.standard_t(2, len(rows)) * 0.1 + 0.05
    return rows.with_columns(sales=(pl.col("forecast") * np.exp(error)).clip(1).round(2))


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        # sums are rounded to 0.0001 EUR, and variances are differences of sums
        if isinstance(value, dict):
            assert_same(found[name], value)
        elif name == "origins":
            assert found[name] == value
        else:
            assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-7), name


@given(
    seed=st.integers(0, 10_000),
    origins=st.integers(1, 3),
    stores=st.integers(1, 5),
    horizon_days=st.sampled_from([1, 5, 8, 15]),
    weekday=st.integers(0, 6),
)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_a_fit_is_the_reference(
    seed: int, origins: int, stores: int, horizon_days: int, weekday: int
) -> None:
    rows = past(
        seed,
        origins=origins,
        stores=stores,
        horizon_days=horizon_days,
        first=SUNDAY + timedelta(days=weekday),
    )
    known = stores_of(stores)
    found = TotalCalibration.fit(rows, known, horizon_days=horizon_days)
    expected = reference.fit(rows.to_dicts(), known.to_dicts(), horizon_days)
    assert set(asdict(found)) == set(expected)
    assert_same(asdict(found), expected)


def calibration(**changes: Any) -> TotalCalibration:
    """Build a calibration whose numbers are all different."""
    values: dict[str, Any] = {
        "log_bias": 0.02,
        "chain": [0.0004, 0.0002, 0.0006],
        "groups": {
            "store_type": [0.0003, 0.0001, 0.0005],
            "assortment": [0.0002, 0.0003, 0.0004],
            "state": [0.0007, 0.0002, 0.0001],
        },
        "store": [0.3, 0.2, 0.9],
        "chain_freedom": [3.0, 11.0, 70.0],
        "group_freedom": {
            "store_type": [6.0, 22.0, 140.0],
            "assortment": [3.0, 11.0, 70.0],
            "state": [9.0, 33.0, 210.0],
        },
        "store_quantiles": {"80": 1.1, "95": 2.6},
        "origins": [],
    }
    return TotalCalibration(**{**values, **changes})


def one_total(level: str, **shape: float) -> pl.DataFrame:
    """Build one total with this level and these concentrations."""
    whole = dict.fromkeys(SHAPE, 1.0) | shape
    return pl.DataFrame({"level": [level]} | {name: [value] for name, value in whole.items()})


@given(
    level=st.sampled_from(["chain", *GROUPS, "store"]),
    shape=st.fixed_dictionaries(
        {
            "store_concentration": st.floats(1e-6, 0.25),
            "week_concentration": st.floats(0.1, 1),
            "day_concentration": st.floats(0.01, 1),
        }
    ),
    log_bias=st.floats(-0.1, 0.1),
    quantiles=st.tuples(st.floats(0, 4), st.floats(0, 4)).map(sorted),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_variance_freedom_and_factors_of_a_total_are_the_reference(
    level: str, shape: dict[str, float], log_bias: float, quantiles: tuple[float, float]
) -> None:
    fitted = calibration(
        log_bias=log_bias, store_quantiles=dict(zip(("80", "95"), quantiles, strict=True))
    )
    total = one_total(level, **shape)
    expected = reference.variance(asdict(fitted), level, shape)
    assert [each.item() for each in fitted.variance(total)] == pytest.approx(expected, rel=1e-10)
    found = fitted.factors(total)
    assert found.columns == FACTORS
    expected_factors = reference.factors(asdict(fitted), level, shape)
    assert found.row(0, named=True) == pytest.approx(expected_factors, rel=1e-9)


def test_the_variance_of_a_group_is_that_of_the_chain_its_own_and_its_stores() -> None:
    shape = {
        "store_concentration": 0.001, "week_concentration": 0.5, "day_concentration": 0.1,
    }  # fmt: skip
    variance, freedom = calibration().variance(one_total("state", **shape))
    chain = (0.0004, 0.0001, 0.00006)
    group = (0.0007, 0.0001, 0.00001)
    assert variance[0] == pytest.approx(sum(chain) + sum(group) + 0.001 * 0.49, rel=1e-12)
    uncertain = sum(a**2 / b for a, b in zip(chain, (3, 11, 70), strict=True))
    uncertain += sum(a**2 / b for a, b in zip(group, (9, 33, 210), strict=True))
    assert freedom[0] == pytest.approx(variance[0] ** 2 / uncertain, rel=1e-12)


def test_one_part_alone_has_its_own_degrees_of_freedom() -> None:
    nothing = [0.0, 0.0, 0.0]
    only_weeks = calibration(chain=[0.0, 0.01, 0.0], store=nothing)
    variance, freedom = only_weeks.variance(one_total("chain"))
    assert (variance[0], freedom[0]) == pytest.approx((0.01, 11), rel=1e-12)


@pytest.mark.parametrize("chain", [[0.0] * 3, [1e-11, 0.0, 0.0]])
def test_without_errors_a_total_has_the_least_variance(chain: list[float]) -> None:
    variance, freedom = calibration(chain=chain, store=[0.0] * 3).variance(one_total("chain"))
    assert variance[0] == 1e-10
    uncertain = max(chain[0] ** 2 / 3, 1e-20)
    assert freedom[0] == pytest.approx(1e-20 / uncertain, rel=1e-9)


def test_stores_alone_leave_a_variance_that_counts_as_certain() -> None:
    _, freedom = calibration(chain=[0.0] * 3).variance(one_total("chain"))
    assert freedom[0] > 1e15
    upper = calibration(chain=[0.0] * 3, store=[1.0, 0.0, 0.0], log_bias=0.0).factors(
        one_total("chain", store_concentration=0.01)
    )["upper_95_factor"]
    # the 97.5% quantile of a normal distribution, times a standard deviation of 0.1
    assert np.log(upper.item()) == pytest.approx(0.1959963985, rel=1e-9)


def test_bounds_hold_the_sum_itself_however_certain_the_bias_is() -> None:
    certain = calibration(chain=[0.0] * 3, store=[0.0] * 3, log_bias=-0.05)
    row = certain.factors(one_total("chain")).row(0, named=True)
    assert row["unbiased_factor"] == pytest.approx(np.exp(-0.05), rel=1e-12)
    for level in (80, 95):
        assert row[f"upper_{level}_factor"] == pytest.approx(1.0, rel=1e-12)
        assert row[f"lower_{level}_factor"] == pytest.approx(np.exp(-0.1), rel=1e-12)


def plan(seed: int, horizon_days: int = 15) -> pl.DataFrame:
    rows = forecasts_of(seed, origins=2, stores=4, horizon_days=horizon_days, first=SUNDAY)
    return rows.with_columns(
        is_open=pl.int_range(pl.len()) % 5 != 2,
        forecast=pl.when(pl.int_range(pl.len()) % 7 == 3).then(0.0).otherwise("forecast"),
    ).drop("sales")


@given(seed=st.integers(0, 10_000))
@settings(max_examples=3, deadline=None, derandomize=True)
def test_intervals_of_a_plan_are_the_reference_and_closed_totals_have_none(seed: int) -> None:
    rows, known = plan(seed), stores_of(4)
    found = calibration().intervals(rows, known)
    expected = reference.intervals(asdict(calibration()), rows.to_dicts(), known.to_dicts(), 15)
    assert found.columns == [*Total._fields, *FACTORS, "error_scale", "error_shape"]
    assert [Total(*row) for row in found.select(Total._fields).rows()] == sorted(expected)
    for row in found.iter_rows(named=True):
        wanted = expected[Total(*(row[name] for name in Total._fields))]
        assert {name: row[name] for name in FACTORS} == pytest.approx(wanted, rel=1e-9)


def test_the_horizon_of_a_plan_is_its_last_day_even_if_closed() -> None:
    rows = plan(1).with_columns(is_open=pl.col("horizon_days") < 10)
    longest = (pl.col("last_date") - pl.col("forecast_origin")).dt.total_days().max()
    assert calibration().intervals(rows, stores_of(4)).select(longest).item() == 15


def test_factors_of_totals_added_up_before_are_those_of_their_intervals() -> None:
    rows = plan(2).filter(pl.col("is_open") & (pl.col("forecast") > 0))
    totals = add_up(rows, stores_of(4), horizon_days=15)
    found = calibration().intervals(rows, stores_of(4))
    assert found.select(FACTORS).equals(calibration().factors(totals))
