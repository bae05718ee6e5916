"""Rows of the warehouse that drift compares: windows, vintages and panels, at their limits.

Definitions: the docstrings of ``drift.data`` and the table of docs/drift.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from support.drift_rows import (
    as_sold,
    core_in_memory,
    feature,
    forecast,
    make_panels,
    planned,
    sale,
    stores,
)
from support.monitoring_rows import ORIGIN

from rossmann_ml.monitoring.drift.data import DriftData, read_drift_data
from rossmann_ml.monitoring.drift.windows import Window

TABLES = core_in_memory()


@pytest.fixture
def core() -> Iterator[duckdb.DuckDBPyConnection]:
    TABLES.execute("BEGIN")
    stores(TABLES, s1="HE", s2=None)
    make_panels(TABLES)
    yield TABLES
    TABLES.execute("ROLLBACK")


def ago(days: int) -> date:
    return ORIGIN - timedelta(days=days)


def read(core: duckdb.DuckDBPyConnection, horizon_days: int = 42) -> DriftData:
    return read_drift_data(core, origin=ORIGIN, horizon_days=horizon_days)


def sides(data: DriftData, kind: str) -> dict[str, tuple[list, list]]:
    return {
        each.feature: (each.current.to_list(), each.reference.to_list())
        for each in data.samples
        if each.kind == kind
    }


def test_an_origin_without_any_rows_has_nothing_to_compare(core: duckdb.DuckDBPyConnection):
    data = read(core)
    assert (data.samples, data.vintage, data.assumed_share) == ([], None, 0.0)
    assert data.actuals.is_empty()
    assert data.actuals.schema == {"sales_forecast": pl.Float64, "sales": pl.Float64}
    assert data.horizon == Window(ago(-1), ago(-42))
    assert data.newest_week == Window(ago(6), ORIGIN)
    assert read(core, horizon_days=7).horizon == Window(ago(-1), ago(-7))


def test_sales_reach_back_over_the_farthest_week_and_eight_weeks_before_it(
    core: duckdb.DuckDBPyConnection,
):
    # 371 + 7 + 56 days back: the week 53 weeks before, and the level before that
    for back in (-1, 0, 434, 435):
        sale(core, ago(back), store=2)
    sale(core, ago(1), is_observed=False)
    sale(core, ago(2), store=3)  # no such store
    sale(core, ago(3), sales=7000.0)
    found = read(core).sales
    assert found.select("store_id", "state", "day", "sales").rows() == [
        (1, "HE", ago(3), 7000.0),
        (2, "unknown", ago(434), 5000.0),
        (2, "unknown", ORIGIN, 5000.0),
    ]
    assert found.columns == [
        *("store_id", "state", "day", "sales", "customers", "is_open", "is_promo"),
        "state_holiday",
    ]


def test_the_plan_of_the_horizon_is_compared_with_past_days_of_a_year_before(
    core: duckdb.DuckDBPyConnection,
):
    for ahead in (1, 42, 43):
        planned(core, ahead, is_promo=True)
        as_sold(core, ago(364 - ahead))
    planned(core, 2)  # a year before there is a plan without sales
    as_sold(core, ago(362), "planned")
    planned(core, 3, origin=ago(7))
    as_sold(core, ago(361))
    found = sides(read(core), "plan")["promo_by_weekday"]
    # store 2 rests: it has no plan that could have drifted
    planned(core, 4, "not_selling", store=2)
    as_sold(core, ago(360), store=2)
    # the day after 2015-07-31 is a Saturday, 42 days after it is a Friday
    assert found == (["Sat promotion", "Fri promotion"], ["Sat none", "Fri none"])


def test_the_assumed_share_is_of_the_horizons_store_days(core: duckdb.DuckDBPyConnection):
    planned(core, 1, "assumed")
    planned(core, 1, store=2)
    planned(core, 7)
    planned(core, 7, store=2)
    planned(core, 8, "assumed")  # after the horizon
    planned(core, 1, "assumed", origin=ago(7))
    as_sold(core, ago(3))
    assert read(core, horizon_days=7).assumed_share == 0.25
    assert read(core, horizon_days=8).assumed_share == 0.4


@pytest.mark.parametrize(
    ("vintages", "expected"),
    [
        ([6], None),  # does not cover the week's first day
        ([7], 7),
        ([42], 42),  # the last one that covers the origin
        ([43], None),
        ([6, 7, 14, 42], 7),
    ],
)
def test_the_newest_vintage_that_covers_the_whole_week_is_scored(
    core: duckdb.DuckDBPyConnection, vintages: list[int], expected: int | None
):
    sale(core, ORIGIN)
    for back in vintages:
        forecast(core, ago(back), ORIGIN, 5000.0 + back)
    data = read(core)
    assert data.vintage == (ago(expected) if expected else None)
    found = [(5000.0 + expected, 5000.0)] if expected else []
    assert data.actuals.rows() == found


def test_open_days_of_the_newest_week_with_sales_are_actuals(core: duckdb.DuckDBPyConnection):
    for back in range(-1, 8):
        sale(core, ago(back), 1000.0 + back)
        sale(core, ago(back), 0.0, store=2)
        forecast(core, ago(7), ago(back), 2000.0 + back, horizon_days=7 - back)
        forecast(core, ago(7), ago(back), 9.0, store=2)
    core.execute("UPDATE forecasting.forecasts SET is_open = false WHERE target_date = ?", [ago(4)])
    assert read(core).actuals.rows() == [
        (2000.0 + back, 1000.0 + back) for back in (6, 5, 3, 2, 1, 0)
    ]


@pytest.mark.parametrize(
    ("origins", "expected"),
    [
        ([354], 354),  # ten days nearer than 364
        ([353], None),
        ([374], 374),
        ([375], None),
        ([356, 371], 371),  # seven days off, not eight
        ([357, 371], 371),  # equally near: the earlier
        ([364, 363], 364),
    ],
)
def test_features_are_compared_with_the_training_origin_nearest_364_days_before(
    core: duckdb.DuckDBPyConnection, origins: list[int], expected: int | None
):
    feature(core, "scoring_panel", ORIGIN, 1.0)
    for back in origins:
        feature(core, "training_panel", ago(back), float(back))
    data = read(core)
    if expected is None:
        assert data.samples == []
        return
    assert sides(data, "features") == {
        "residual_7d": ([1.0], [expected]),
        "residual_28d": ([2.0], [2 * expected]),
        "level_trend": ([3.0], [3 * expected]),
        "store_level": ([4.0], [4 * expected]),
    }
    assert {each.reference_window for each in data.samples} == {
        Window(ago(expected), ago(expected))
    }


def test_of_each_store_the_first_target_day_of_the_panel_counts(core: duckdb.DuckDBPyConnection):
    for store in (2, 1):
        for ahead in (5, 1, 9):
            feature(core, "scoring_panel", ORIGIN, 10.0 * store + ahead, store=store, ahead=ahead)
            feature(core, "training_panel", ago(364), ahead, store=store, ahead=ahead)
    feature(core, "scoring_panel", ago(7), 99.0)
    assert sides(read(core), "features")["residual_7d"] == ([11.0, 21.0], [1.0, 1.0])


def test_panels_that_are_not_built_are_left_out(core: duckdb.DuckDBPyConnection):
    with core_in_memory() as young:
        assert read(young).samples == []


@pytest.mark.parametrize(
    ("vintages", "expected"), [([28], 28), ([29], None), ([1], 1), ([0], None), ([3, 7, 28], 3)]
)
def test_forecasts_are_compared_with_the_newest_vintage_of_the_28_days_before(
    core: duckdb.DuckDBPyConnection, vintages: list[int], expected: int | None
):
    day = ago(-2)
    forecast(core, ORIGIN, day, 1000.0)
    for back in vintages:
        if back:
            forecast(core, ago(back), day, 1000.0 * 2**back)
    found = sides(read(core), "forecasts")
    if expected is None:
        assert found == {}
        return
    (now,), (then,) = found["same_days"]
    # log units below the previous vintage, which is its own mean
    assert now == pytest.approx(-expected * 0.6931471805599453)
    assert then == 0.0


def test_only_open_days_with_a_forecast_are_compared(core: duckdb.DuckDBPyConnection):
    for origin in (ORIGIN, ago(7)):
        for ahead in range(1, 5):
            forecast(core, origin, ago(-ahead), 1000.0, is_open=ahead != 2)
    core.execute(
        "UPDATE forecasting.forecasts SET sales_forecast = 0 WHERE target_date = ?", [ago(-3)]
    )
    (found,) = [each for each in read(core).samples if each.kind == "forecasts"]
    assert found.current.to_list() == [0.0, 0.0]
    assert found.current_window == Window(ago(-1), ago(-4))
