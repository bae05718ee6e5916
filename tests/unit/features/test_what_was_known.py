"""Inputs as they were known by a day: sales, plan and the newest origin.

See ``OriginInputs`` and docs/decisions/0003-what-was-known-when.md for the definition: the newest
version of each row that was landed by that day counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory_warehouse import create_core_tables, fill_core
from support.tiny_chain import ORIGIN, tiny_frames

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.features.inputs import (
    newest_origin,
    read_inputs,
    read_published_inputs,
)
from rossmann_ml.warehouse.connection import append_frame

DAY = timedelta(days=1)
# landings of a store-day: (days after the first landing, sales), in the order they were landed
LANDINGS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=1, max_size=3)
WORLDS = st.dictionaries(
    st.tuples(st.sampled_from([2, 5, 9]), st.integers(-3, 2)), LANDINGS, min_size=1, max_size=8
)

SALES = {"store_id": pl.Int32, "sales_date": pl.Date, "sales": pl.Float64}
VERSIONS = {**SALES, "known_on": pl.Date, "superseded_on": pl.Date}
NEWEST = {**SALES, "is_observed": pl.Boolean}


@cache
def params_of(horizon_days: int) -> Params:
    params = load_params(PROJECT_DIR / "params.yaml")
    forecast = params.forecast.model_copy(update={"horizon_days": horizon_days})
    return params.model_copy(update={"forecast": forecast})


@contextmanager
def undone(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Roll back what the block changes in the tables."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        create_core_tables(connection)
        yield connection


@pytest.fixture
def connection(empty: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    with undone(empty):
        yield empty


@pytest.fixture
def filled(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    fill_core(connection, tiny_frames(history_days=10, future_days=5), origin=ORIGIN)
    return connection


def known_history(
    world: dict[tuple[int, int], list[tuple[int, int]]], known_by: date | None
) -> list[tuple[int, date, float]]:
    """Return the last version of each store-day up to the origin that was landed by a day."""
    rows = []
    for (store, day), landings in sorted(world.items()):
        if day > 0:
            continue
        landed = [
            sales
            for delay, sales in landings
            if known_by is None or ORIGIN + timedelta(days=delay) <= known_by
        ]
        if landed:
            rows.append((store, ORIGIN + timedelta(days=day), float(landed[-1])))
    return rows


def land(
    connection: duckdb.DuckDBPyConnection, world: dict[tuple[int, int], list[tuple[int, int]]]
) -> None:
    """Fill ``sales_versions`` and ``fct_daily_sales`` as dbt does."""
    versions, newest = [], []
    for (store, day), landings in world.items():
        sales_date = ORIGIN + timedelta(days=day)
        known = [ORIGIN + timedelta(days=delay) for delay, _ in landings]
        for number, (_, sales) in enumerate(landings):
            later = known[number + 1 :]
            superseded = min(later) if later else None
            versions.append((store, sales_date, float(sales), known[number], superseded))
        newest.append((store, sales_date, float(landings[-1][1]), True))
    # an unreported day has a row in the dense table, but not in the history
    newest.append((1, ORIGIN, None, False))
    append_frame(connection, "core.sales_versions", pl.DataFrame(versions, VERSIONS, orient="row"))
    append_frame(connection, "core.fct_daily_sales", pl.DataFrame(newest, NEWEST, orient="row"))
    connection.execute("INSERT INTO core.dim_store (store_id) VALUES (1), (2), (5), (9)")
    connection.execute(
        "INSERT INTO core.horizon_plan VALUES (2, ?, true, false, '0', false, ?, 1, 'planned')",
        [ORIGIN + DAY, ORIGIN],
    )


@given(world=WORLDS, known_after=st.one_of(st.none(), st.integers(-1, 7)))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_a_history_holds_of_every_store_day_the_newest_version_landed_by_the_day(
    empty: duckdb.DuckDBPyConnection,
    world: dict[tuple[int, int], list[tuple[int, int]]],
    known_after: int | None,
) -> None:
    known_by = None if known_after is None else ORIGIN + timedelta(days=known_after)
    expected = known_history(world, known_by)
    with undone(empty) as connection:
        land(connection, world)
        if not expected:
            with pytest.raises(NoDataError, match=f"no sales on or before {ORIGIN}"):
                read_inputs(connection, params_of(3), forecast_origin=ORIGIN, known_by=known_by)
            return
        found = read_inputs(connection, params_of(3), forecast_origin=ORIGIN, known_by=known_by)
    assert found.history.rows() == expected
    assert found.first_sales_date == min(day for _, day, _ in expected)


@pytest.mark.parametrize(("known_by", "sales"), [(1, 5.0), (2, 7.0), (3, 7.0)])
def test_a_restated_day_counts_from_the_very_day_it_was_landed_on(
    connection: duckdb.DuckDBPyConnection, known_by: int, sales: float
) -> None:
    land(connection, {(2, -1): [(0, 5), (2, 7)], (2, 0): [(0, 1)]})
    known = ORIGIN + timedelta(days=known_by)
    found = read_inputs(connection, params_of(3), forecast_origin=ORIGIN, known_by=known)
    assert found.history["sales"].to_list() == [sales, 1.0]


def test_the_plan_ends_with_what_was_planned_of_this_origin(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    # rows of an earlier origin with another plan must not be read
    filled.execute(
        "INSERT INTO core.horizon_plan SELECT * REPLACE (forecast_origin - 7 AS forecast_origin, "
        "NOT is_promo AS is_promo) FROM core.horizon_plan"
    )
    # the plan of a day after the origin must not come from the table of past days
    filled.execute(
        "INSERT INTO core.store_plan VALUES (2, ?, true, true, 'c', true)", [ORIGIN + DAY]
    )
    frames = tiny_frames(history_days=10, future_days=5)
    found = read_inputs(filled, params_of(3), forecast_origin=ORIGIN)
    plan = found.features.plan
    assert plan.first_date == ORIGIN - 9 * DAY
    for name in ("is_open", "is_promo", "is_school_holiday"):
        expected = frames["plan"][name].to_numpy().reshape(3, 15)
        assert (getattr(plan, name) == expected).all(), name
    codes = {"0": 0, "a": 1, "b": 2, "c": 3}
    expected = [codes[value] for value in frames["plan"]["state_holiday"]]
    assert plan.state_holiday.reshape(-1).tolist() == expected


@pytest.mark.parametrize("horizon_days", [1, 3, 5, 9])
def test_the_days_to_forecast_are_the_first_ones_of_the_horizon(
    filled: duckdb.DuckDBPyConnection, horizon_days: int
) -> None:
    found = read_inputs(filled, params_of(horizon_days), forecast_origin=ORIGIN)
    days = min(horizon_days, 5)
    assert found.horizon_plan.rows() == [
        (store, ORIGIN + timedelta(days=number), "planned")
        for store in (2, 5, 9)
        for number in range(1, days + 1)
    ]
    assert found.forecast_origin == ORIGIN
    # the arrays also contain the days after the horizon, because features look ahead
    assert found.features.plan.days == 15


def test_an_origin_without_a_plan_is_refused(filled: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(NoDataError, match=f"no plan for the days after {ORIGIN - DAY}"):
        read_inputs(filled, params_of(3), forecast_origin=ORIGIN - DAY)


def test_the_newest_origin_is_the_latest_that_has_a_plan(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    assert newest_origin(filled) == ORIGIN
    filled.execute("UPDATE core.horizon_plan SET forecast_origin = ? WHERE store_id < 5", [
        ORIGIN + 7 * DAY])  # fmt: skip
    assert newest_origin(filled) == ORIGIN + 7 * DAY


def test_without_a_plan_or_core_tables_there_is_no_newest_origin(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(NoDataError, match="no day has rows of enough stores"):
        newest_origin(connection)
    connection.execute("DROP TABLE core.horizon_plan")
    with pytest.raises(NoDataError, match="not built yet"):
        newest_origin(connection)


@pytest.mark.parametrize("horizon_days", [1, 3, 5])
def test_a_generation_gives_the_inputs_of_the_weekly_job_value_by_value(
    filled: duckdb.DuckDBPyConnection, horizon_days: int
) -> None:
    read = read_inputs(filled, params_of(horizon_days), forecast_origin=ORIGIN)
    filled.execute(
        """
        CREATE TABLE stores AS SELECT * FROM core.dim_store;
        CREATE TABLE daily_sales AS SELECT * FROM core.fct_daily_sales;
        CREATE TABLE store_plan AS
            SELECT *, 'actual' AS plan_source FROM core.store_plan UNION ALL BY NAME
            SELECT * EXCLUDE (forecast_origin, horizon_days) FROM core.horizon_plan;
        """
    )
    # an unreported day, and a day after the origin that was reported later
    later = pl.DataFrame(
        {"store_id": [2, 5], "sales_date": [ORIGIN - DAY, ORIGIN + DAY], "sales": [None, 7.0],
         "is_observed": [False, True]}
    )  # fmt: skip
    append_frame(filled, "daily_sales", later)
    published = read_published_inputs(filled, forecast_origin=ORIGIN, horizon_days=horizon_days)
    assert published.history.equals(read.history)
    assert published.horizon_plan.rows() == read.horizon_plan.rows()
    assert published.features.stores.attributes.equals(read.features.stores.attributes)
    assert (published.features.sales.sales == read.features.sales.sales).all()
    for name in ("is_open", "is_promo", "state_holiday", "is_school_holiday"):
        same = getattr(published.features.plan, name) == getattr(read.features.plan, name)
        assert same.all(), name
    assert published.forecast_origin == ORIGIN
