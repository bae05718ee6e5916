"""The plan of a horizon and its gaps, compared with plain Python on small random worlds.

The SQL of the dbt models is rendered without dbt and run in memory. See
tests/support/plan_world.py for the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.filled_chain import FILLING
from support.plan_world import (
    CLOSED_AFTER_DAYS,
    HORIZON_DAYS,
    LOOKAHEAD_DAYS,
    ORIGIN,
    PLAN_MIN_COVERAGE,
    Row,
    World,
    is_forecast,
    planned_row,
    random_world,
    school_rule,
)
from support.rendered_sql import create_models

DAY = timedelta(days=1)
PLAN_DAYS = [ORIGIN + timedelta(days=number + 1) for number in range(HORIZON_DAYS + LOOKAHEAD_DAYS)]
FLAGS = "is_open BOOLEAN, is_promo BOOLEAN, state_holiday VARCHAR, is_school_holiday BOOLEAN, "
TABLES = f"""
CREATE TABLE data_completeness (sales_date DATE, coverage DOUBLE);
CREATE TABLE dim_store (store_id INTEGER, state VARCHAR, store_type VARCHAR, assortment VARCHAR);
CREATE TABLE stg_public_holidays (state VARCHAR, holiday_date DATE, state_holiday VARCHAR);
CREATE TABLE stg_own_holidays (
    state VARCHAR, holiday_date DATE, state_holiday VARCHAR, is_school_holiday BOOLEAN
);
CREATE TABLE set_aside_sales (store_id INTEGER, sales_date DATE, load_id INTEGER);
CREATE TABLE stg_sales (store_id INTEGER, sales_date DATE, sales DOUBLE, customers DOUBLE, {FLAGS}
    load_id INTEGER, known_on DATE,
    landed_on DATE AS (known_on));
CREATE TABLE stg_plan (store_id INTEGER, plan_date DATE, {FLAGS} load_id INTEGER, known_on DATE,
    landed_on DATE AS (known_on));
"""
# in the order of their references; horizon_plan as if it had no rows yet
MODELS = [f"core/{name}" for name in (
    "forecast_origin", "sales_versions", "plan_versions", *FILLING, "known_plan", "selling_days",
    "horizon_plan",
)]  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(TABLES)
        yield connection


def put(
    connection: duckdb.DuckDBPyConnection, world: World, *, up_to: str = "horizon_plan"
) -> None:
    """Fill the tables from a world, and build the models up to the given one."""
    tables = ("data_completeness", "dim_store", "stg_public_holidays", "stg_sales", "stg_plan")
    connection.execute("".join(f"DELETE FROM {table};" for table in tables))

    def fill(table: str, rows: list[dict]) -> None:
        if rows:
            connection.register("rows_to_put", pl.DataFrame(rows, infer_schema_length=None))
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_put")

    fill("dim_store", [{"store_id": store, "state": state, "store_type": kind, "assortment": "a"}
                       for store, (state, kind) in world.stores.items()])  # fmt: skip
    fill("stg_public_holidays", [{"state": state, "holiday_date": day, "state_holiday": code}
                                 for state, day, code in world.holidays])  # fmt: skip
    for table, key, source in (
        ("stg_sales", "sales_date", world.sales),
        ("stg_plan", "plan_date", world.plan),
    ):
        rows = []
        for (store, day), versions in source.items():
            for number, version in enumerate(versions):
                row = {"store_id": store, key: day, "load_id": number, **version}
                if table == "stg_plan":
                    row.pop("sales")
                rows.append(row)
        fill(table, rows)
    create_models(
        connection,
        *MODELS[: MODELS.index(f"core/{up_to}") + 1],
        forecast_origin=str(ORIGIN),
        known_by=str(world.known_by),
        horizon_days=HORIZON_DAYS,
        plan_lookahead_days=LOOKAHEAD_DAYS,
        closed_after_days=CLOSED_AFTER_DAYS,
        plan_min_coverage=PLAN_MIN_COVERAGE,
    )


def frame(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict]:
    return connection.sql(f"SELECT * FROM {table}").pl().to_dicts()


@given(seed=st.integers(0, 100_000))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_a_plan_precedes_sales_and_sales_precede_the_rules(
    database: duckdb.DuckDBPyConnection, seed: int
) -> None:
    world = random_world(seed)
    put(database, world)
    keys = [(store, day) for store in sorted(world.stores) for day in PLAN_DAYS]
    assumed = {(row.pop("store_id"), row.pop("plan_date")): row
               for row in frame(database, "assumed_plan")}  # fmt: skip
    assert list(assumed) == keys
    for (store, day), row in assumed.items():
        assert row["is_school_holiday"] == school_rule(world, store, day)
    expected = []
    for store, day in keys:
        if is_forecast(world, store):
            row, source = planned_row(world, store, day, assumed[store, day])
            expected.append(
                {
                    "forecast_origin": ORIGIN,
                    "known_by": world.known_by,
                    "store_id": store,
                    "plan_date": day,
                    "horizon_days": (day - ORIGIN).days,
                    **row,
                    "plan_source": source,
                }
            )
    assert frame(database, "horizon_plan") == expected


# cases at the limits


def sold(day: date, *, known_on: date | None = None, **columns: object) -> list[Row]:
    row = {
        "is_open": True, "sales": 5.0, "is_promo": False, "state_holiday": "0",
        "is_school_holiday": False, "known_on": known_on or day,
    }  # fmt: skip
    return [{**row, **columns}]


def a_store(*days: tuple[int, dict]) -> World:
    """Build store 1 with rows on the given days after the origin; 0 is the origin."""
    world = World({1: ("HE", "a"), 2: ("BY", "b")})
    for number, columns in days:
        day = ORIGIN + timedelta(days=number)
        world.sales[1, day] = sold(day, **columns)
    return world


def one(database: duckdb.DuckDBPyConnection, world: World, query: str) -> object:
    put(database, world, up_to=query.split(" FROM ")[1].split(maxsplit=1)[0])
    return database.execute(query).fetchall()[0][0]


@pytest.mark.parametrize(("days_back", "is_school"), [(363, False), (364, True), (365, False)])
def test_school_holidays_are_those_of_364_days_earlier(
    database: duckdb.DuckDBPyConnection, days_back: int, is_school: bool
) -> None:
    query = (
        "SELECT is_school_holiday FROM assumed_plan "
        f"WHERE (store_id, plan_date) = (1, DATE '{ORIGIN + 3 * DAY}')"
    )
    world = a_store((3 - days_back, {"is_school_holiday": True}))
    assert one(database, world, query) is is_school


@pytest.mark.parametrize(
    ("number", "columns", "stores"),
    [
        (0, {}, 1),
        (-27, {}, 1),
        (-28, {}, 0),
        (1, {}, 0),
        (0, {"is_open": False}, 0),
        (0, {"sales": 0.0}, 0),
        (0, {"sales": 0.01}, 1),
    ],
)
def test_a_store_that_sold_within_28_days_up_to_the_origin_is_forecast(
    database: duckdb.DuckDBPyConnection, number: int, columns: dict, stores: int
) -> None:
    query = "SELECT count(DISTINCT store_id) FROM horizon_plan"
    assert one(database, a_store((number, columns)), query) == stores


@pytest.mark.parametrize(("number", "stores"), [(1, 1), (5, 1), (6, 0)])
def test_a_store_that_is_planned_within_the_horizon_is_forecast(
    database: duckdb.DuckDBPyConnection, number: int, stores: int
) -> None:
    """A store that is planned only after the horizon gets no forecast."""
    world = World({1: ("HE", "a")})
    day = ORIGIN + timedelta(days=number)
    world.plan[1, day] = sold(day, known_on=ORIGIN)
    assert one(database, world, "SELECT count(DISTINCT store_id) FROM horizon_plan") == stores


@pytest.mark.parametrize(("coverage", "origin"), [(0.9, ORIGIN), (0.89, ORIGIN - DAY)])
def test_the_origin_is_the_newest_day_of_which_nine_tenths_of_the_stores_have_rows(
    database: duckdb.DuckDBPyConnection, coverage: float, origin: date
) -> None:
    database.execute("DELETE FROM data_completeness")
    database.execute(
        "INSERT INTO data_completeness VALUES (?, 1), (?, ?), (?, NULL)",
        [ORIGIN - DAY, ORIGIN, coverage, ORIGIN + DAY],
    )
    create_models(database, "core/forecast_origin")
    (row,) = frame(database, "forecast_origin")
    assert row == {
        "forecast_origin": origin,
        "known_by": date(9999, 12, 31),
        "newest_complete_date": origin,
        "first_plan_date": origin + DAY,
        "last_forecast_date": origin + 42 * DAY,
        "last_plan_date": origin + 63 * DAY,
    }
