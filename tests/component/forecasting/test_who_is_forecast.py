"""Who is forecast, and from when: openings, reopenings and closings start and end on their day.

The SQL of the dbt models is rendered without dbt and run in memory. Ten stores sell every day;
each test gives store 1 another history and plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from support.rendered_sql import create_models

ORIGIN = date(2015, 6, 19)
HORIZON, LOOKAHEAD = 42, 21
FLAGS = "is_open BOOLEAN, is_promo BOOLEAN, state_holiday VARCHAR, is_school_holiday BOOLEAN, "
TABLES = f"""
CREATE TABLE data_completeness (sales_date DATE, coverage DOUBLE);
CREATE TABLE dim_store (store_id INTEGER, state VARCHAR, store_type VARCHAR);
CREATE TABLE set_aside_sales (store_id INTEGER, sales_date DATE, load_id INTEGER);
CREATE TABLE stg_sales (store_id INTEGER, sales_date DATE, sales DOUBLE, customers DOUBLE, {FLAGS}
    load_id INTEGER, known_on DATE,
    landed_on DATE AS (known_on));
CREATE TABLE stg_plan (store_id INTEGER, plan_date DATE, {FLAGS} load_id INTEGER, known_on DATE,
    landed_on DATE AS (known_on));
CREATE TABLE assumed_plan (store_id INTEGER, plan_date DATE, is_open BOOLEAN, is_promo BOOLEAN,
    state_holiday VARCHAR, is_school_holiday BOOLEAN);
"""
MODELS = [f"core/{name}" for name in (
    "forecast_origin", "sales_versions", "plan_versions", "known_plan", "selling_days",
    "horizon_plan",
)]  # fmt: skip
OTHERS = range(2, 12)
PAST, AHEAD = range(-90, 1), range(1, HORIZON + 1)
Days = Iterable[int]


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(TABLES)
        days = [ORIGIN + timedelta(days=day) for day in range(1, HORIZON + LOOKAHEAD + 1)]
        rows = [
            {"store_id": store, "plan_date": day, "is_open": True, "is_promo": False,
             "state_holiday": "0", "is_school_holiday": False}
            for store in [1, *OTHERS] for day in days
        ]  # fmt: skip
        insert(connection, "assumed_plan", rows)
        connection.executemany(
            "INSERT INTO dim_store VALUES (?, 'HE', 'a')", [[store] for store in [1, *OTHERS]]
        )
        yield connection


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict]) -> None:
    if rows:
        connection.register("rows_to_put", pl.DataFrame(rows, infer_schema_length=None))
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_put")


def sales(connection: duckdb.DuckDBPyConnection, store: int, days: Days, value: float = 5) -> None:
    """Land sales rows; days are counted from the origin, a value of 0 is a closed day."""
    rows = [
        {"store_id": store, "sales_date": ORIGIN + timedelta(days=day), "sales": float(value),
         "is_open": value > 0, "is_promo": False, "state_holiday": "0", "is_school_holiday": False,
         "load_id": 1, "known_on": ORIGIN + timedelta(days=day)}
        for day in days
    ]  # fmt: skip
    insert(connection, "stg_sales", rows)


def plan(
    connection: duckdb.DuckDBPyConnection,
    store: int,
    days: Days,
    *,
    is_open: bool | None = True,
    load: int = 2,
) -> None:
    """Land plan rows; days are counted from the origin."""
    rows = [
        {"store_id": store, "plan_date": ORIGIN + timedelta(days=day), "is_open": is_open,
         "is_promo": True, "state_holiday": "0", "is_school_holiday": False, "load_id": load,
         "known_on": ORIGIN}
        for day in days
    ]  # fmt: skip
    insert(connection, "stg_plan", rows)


def others(connection: duckdb.DuckDBPyConnection, planned: Days = AHEAD) -> None:
    """Let the other stores sell until the origin, and plan them."""
    for store in OTHERS:
        sales(connection, store, PAST)
        plan(connection, store, planned)


def forecast(connection: duckdb.DuckDBPyConnection, store: int = 1) -> str | None:
    """Build the plan; return the forecast days of a store, a letter each, and None if it has none.

    Letters: P planned open, p planned closed, A assumed open, - not selling.
    """
    create_models(connection, *MODELS, forecast_origin=str(ORIGIN))
    letters = {
        ("planned", True): "P",
        ("planned", False): "p",
        ("assumed", True): "A",
        ("not_selling", False): "-",
        ("actual", True): "S",
        ("actual", False): "s",
    }
    rows = connection.execute(
        "SELECT plan_source, is_open FROM horizon_plan "
        f"WHERE store_id = {store} AND horizon_days <= {HORIZON} ORDER BY plan_date"
    ).fetchall()
    return "".join(letters[row] for row in rows) or None


def test_a_store_under_rebuilding_is_closed_until_its_plan_opens_it(database) -> None:
    others(database)
    sales(database, 1, range(-90, -40))
    plan(database, 1, range(27, 43))
    assert forecast(database) == "-" * 26 + "P" * 16


def test_a_new_store_opens_on_the_day_that_its_plan_says(database) -> None:
    others(database)
    plan(database, 1, range(1, 17), is_open=False)
    plan(database, 1, range(17, 43))
    assert forecast(database) == "p" * 16 + "P" * 26


def test_a_new_store_is_filled_by_rule_from_its_opening_on(database) -> None:
    others(database, planned=range(1, 21))
    plan(database, 1, range(17, 21))
    assert forecast(database) == "-" * 16 + "PPPP" + "A" * 22


def test_a_store_that_reopens_tomorrow_sells_from_tomorrow(database) -> None:
    others(database)
    sales(database, 1, range(-90, -40))
    plan(database, 1, AHEAD)
    assert forecast(database) == "P" * 42


def test_a_planned_row_without_open_does_not_open_a_store_that_does_not_sell(database) -> None:
    others(database)
    plan(database, 1, range(1, 11), is_open=None)
    plan(database, 1, range(11, 43))
    assert forecast(database) == "-" * 10 + "P" * 32


def test_a_store_that_reports_closed_days_for_two_months_and_has_no_plan_is_not_forecast(
    database,
) -> None:
    others(database)
    sales(database, 1, range(-90, -60))
    sales(database, 1, range(-60, 1), 0)
    assert forecast(database) is None


def test_an_open_store_that_sells_nothing_for_two_months_is_not_forecast(database) -> None:
    others(database)
    sales(database, 1, range(-60, 1), 0)
    database.execute("UPDATE stg_sales SET is_open = TRUE WHERE store_id = 1")
    assert forecast(database) is None


def test_a_store_whose_plan_is_closed_on_all_days_is_not_forecast(database) -> None:
    others(database)
    plan(database, 1, AHEAD, is_open=False)
    assert forecast(database) is None


def test_a_store_that_opens_after_the_forecast_days_is_not_forecast(database) -> None:
    others(database, planned=range(1, 50))
    plan(database, 1, range(43, 50))
    assert forecast(database) is None


def test_a_store_that_was_closed_for_three_weeks_is_expected_back(database) -> None:
    others(database, planned=())
    sales(database, 1, range(-90, -20))
    sales(database, 1, range(-20, 1), 0)
    assert forecast(database) == "A" * 42


def test_a_store_whose_plan_closes_it_for_good_stays_closed_after_the_plan(database) -> None:
    others(database, planned=range(1, 29))
    sales(database, 1, PAST)
    plan(database, 1, range(1, 10))
    plan(database, 1, range(10, 29), is_open=False)
    assert forecast(database) == "P" * 9 + "p" * 19 + "-" * 14


def test_a_holiday_at_the_end_of_the_plan_closes_nothing_after_it(database) -> None:
    others(database, planned=range(1, 29))
    sales(database, 1, PAST)
    plan(database, 1, range(1, 25))
    plan(database, 1, range(25, 29), is_open=False)
    assert forecast(database) == "P" * 24 + "p" * 4 + "A" * 14


def test_a_store_whose_plan_ends_while_its_file_goes_on_closes_that_day(database) -> None:
    others(database)
    sales(database, 1, PAST)
    plan(database, 1, range(1, 12))
    assert forecast(database) == "P" * 11 + "-" * 31


def test_a_closed_store_does_not_come_back_when_its_last_planned_day_is_past(database) -> None:
    others(database, planned=range(-20, 43))
    sales(database, 1, range(-90, -5))
    plan(database, 1, range(-20, -5))
    assert forecast(database) == "-" * 42


def test_a_store_that_sells_on_after_the_end_of_its_plan_is_filled_by_rule(database) -> None:
    others(database, planned=range(-20, 43))
    sales(database, 1, PAST)
    plan(database, 1, range(-20, -5))
    assert forecast(database) == "A" * 42


def test_a_store_whose_newer_plans_are_late_is_filled_by_rule(database) -> None:
    others(database, planned=range(1, 22))
    for store in OTHERS:
        plan(database, store, range(22, 43), load=3)
    sales(database, 1, PAST)
    plan(database, 1, range(1, 22))
    assert forecast(database) == "P" * 21 + "A" * 21


def test_a_store_that_was_never_planned_is_filled_by_rule_and_named(database) -> None:
    others(database)
    sales(database, 1, PAST)
    assert forecast(database) == "A" * 42
    named = "SELECT DISTINCT store_id FROM selling_days WHERE is_left_out"
    assert database.execute(named).fetchall() == [(1,)]


def test_no_store_is_named_when_no_plan_was_delivered(database) -> None:
    others(database, planned=())
    sales(database, 1, PAST)
    assert forecast(database) == "A" * 42
    assert database.execute("SELECT bool_or(is_left_out) FROM selling_days").fetchall() == [
        (False,)
    ]


def test_a_long_gap_in_a_plan_is_a_closure_and_a_short_one_is_missing_data(database) -> None:
    others(database)
    sales(database, 1, PAST)
    plan(database, 1, [*range(1, 5), *range(12, 16), *range(24, 43)])
    assert forecast(database) == "PPPP" + "A" * 7 + "PPPP" + "-" * 8 + "P" * 19


def test_a_store_that_closes_tomorrow_and_comes_back_by_plan_is_closed_in_between(database) -> None:
    others(database)
    sales(database, 1, PAST)
    plan(database, 1, range(15, 43))
    assert forecast(database) == "-" * 14 + "P" * 28


def test_the_plan_of_few_stores_closes_none_of_the_others(database) -> None:
    for store in OTHERS:
        sales(database, store, PAST)
        plan(database, store, range(1, 43) if store < 5 else range(1, 12))
    sales(database, 1, PAST)
    plan(database, 1, range(1, 12))
    assert forecast(database) == "P" * 11 + "A" * 31


def test_after_a_lockdown_every_store_reopens_on_its_planned_day(database) -> None:
    for store in (1, *OTHERS):
        sales(database, store, range(-90, -33))
        sales(database, store, range(-33, 1), 0)
        plan(database, store, range(1, 8), is_open=False)
        plan(database, store, range(8, 43))
    for store in (1, 7):
        assert forecast(database, store) == "p" * 7 + "P" * 35


def test_a_past_week_shows_a_closing_by_the_sales_rows_that_never_came(database) -> None:
    for store in OTHERS:
        sales(database, store, range(-90, 43))
    sales(database, 1, range(-90, 12))
    assert forecast(database) == "S" * 11 + "-" * 31
