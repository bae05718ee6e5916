"""Partial days and open days without sales are left out, and ordinary low days are not."""

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from support.dbt_sql import query

STORES = range(1, 41)
FIRST = date(2015, 1, 5)
SATURDAY = date(2015, 5, 30)
LANDED = SATURDAY + timedelta(days=2)


@pytest.fixture
def chain() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield the staging tables of 40 stores in two states, to Saturday 2015-05-30."""
    with duckdb.connect() as connection:
        rows = [
            {
                "store_id": store,
                "sales_date": day,
                "day_of_week": day.isoweekday(),
                "sales": 0.0 if day.weekday() == 6 else 100.0 * store + 10 * (day.day % 7),
                "is_open": day.weekday() != 6,
                "is_promo": day.isocalendar().week % 2 == 0 and day.weekday() < 5,
                "state_holiday": "0",
                "load_id": 1,
            }
            for number in range((SATURDAY - FIRST).days + 1)
            for day in [FIRST + timedelta(days=number)]
            for store in STORES
        ]
        frame = pl.DataFrame(rows)
        states = pl.DataFrame({"store_id": list(STORES), "load_id": 1}).with_columns(
            state=pl.when(pl.col("store_id") <= 10).then(pl.lit("BY")).otherwise(pl.lit("HE"))
        )
        loads = pl.DataFrame({"load_id": [1, 2], "known_on": [LANDED, LANDED]})
        connection.execute("CREATE SCHEMA staging")
        for name, made in (("sales", frame), ("store_states", states), ("loads", loads)):
            connection.register("made", made)
            connection.execute(f"CREATE TABLE staging.stg_{name} AS SELECT * FROM made")
        yield connection


def change(connection: duckdb.DuckDBPyConnection, what: str, where: str = "true") -> None:
    connection.execute(
        f"UPDATE staging.stg_sales SET {what} WHERE sales_date = DATE '2015-05-30' AND {where}"
    )


def aside(connection: duckdb.DuckDBPyConnection, **variables: object) -> dict[tuple, str]:
    """Return the reasons of the rows that are left out, by store and day."""
    found = query(connection, "set_aside_sales", **variables)
    return {(row["store_id"], row["sales_date"]): row["reason"] for row in found.to_dicts()}


def whole_day(reason: str, day: date = SATURDAY) -> dict[tuple, str]:
    return {(store, day): reason for store in STORES}


def test_ordinary_days_are_not_set_aside(chain: duckdb.DuckDBPyConnection) -> None:
    assert aside(chain) == {}


@pytest.mark.parametrize("factor", [0, 0.33, 0.6])
def test_a_day_with_a_part_of_its_sales_is_set_aside_for_all_stores(
    chain: duckdb.DuckDBPyConnection, factor: float
) -> None:
    change(chain, f"sales = sales * {factor}")
    assert aside(chain) == whole_day("partial day")


def test_a_low_day_that_a_whole_chain_can_have_stays(chain: duckdb.DuckDBPyConnection) -> None:
    change(chain, "sales = sales * 0.72")
    assert aside(chain) == {}


def test_a_day_that_landed_on_the_day_itself_is_judged_more_strictly(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    change(chain, "sales = sales * 0.72")
    chain.execute("UPDATE staging.stg_loads SET known_on = DATE '2015-05-30'")
    assert aside(chain) == whole_day("partial day")


def test_a_day_on_which_stores_close_early_may_be_lower(chain: duckdb.DuckDBPyConnection) -> None:
    change(chain, "sales = sales * 0.52")
    assert aside(chain, partial_day_half_days="['05-30']") == {}


def test_a_day_that_a_person_confirmed_stays(chain: duckdb.DuckDBPyConnection) -> None:
    change(chain, "sales = sales * 0.3")
    assert aside(chain, partial_day_confirmed="['2015-05-30']") == {}


def test_the_stores_that_sent_half_a_day_are_set_aside_and_the_others_stay(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    change(chain, "sales = sales * 0.4", "store_id % 3 = 0")
    low = {(store, SATURDAY): "partial day of some stores" for store in STORES if store % 3 == 0}
    assert aside(chain) == low


def test_the_stores_of_one_state_that_sent_half_a_day_are_set_aside(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    change(chain, "sales = sales * 0.4", "store_id <= 7")
    assert set(aside(chain)) == {(store, SATURDAY) for store in range(1, 8)}


def test_a_few_stores_with_a_low_day_stay(chain: duckdb.DuckDBPyConnection) -> None:
    change(chain, "sales = sales * 0.4", "store_id IN (3, 8, 21, 30)")
    assert aside(chain) == {}


def test_a_public_holiday_is_not_compared_with_ordinary_days(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    change(chain, "sales = sales * 0.3, state_holiday = 'a'")
    assert aside(chain) == {}


def test_open_days_without_sales_are_set_aside_and_closed_days_stay(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    chain.execute(
        "UPDATE staging.stg_sales SET sales = 0 WHERE store_id <= 7 AND sales_date > '2015-05-23'"
    )
    days = [SATURDAY - timedelta(days=number) for number in range(6)]
    assert aside(chain) == {
        (store, day): "open without sales" for store in range(1, 8) for day in days
    }


def test_a_whole_version_that_lands_later_is_not_set_aside(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    chain.execute(
        "INSERT INTO staging.stg_sales SELECT * REPLACE (2 AS load_id) "
        "FROM staging.stg_sales WHERE sales_date = '2015-05-30'"
    )
    chain.execute(
        "UPDATE staging.stg_sales SET sales = sales / 3 "
        "WHERE load_id = 1 AND sales_date = '2015-05-30'"
    )
    found = query(chain, "set_aside_sales")
    assert set(found["load_id"]) == {1}
    assert found.height == len(STORES)


def test_a_chain_too_small_to_compare_is_not_judged(chain: duckdb.DuckDBPyConnection) -> None:
    change(chain, "sales = sales * 0.4")
    chain.execute("DELETE FROM staging.stg_sales WHERE store_id > 5")
    assert aside(chain) == {}
