"""Totals by week and by first days, and their macro: dbt's SQL against plain loops.

Definitions: ``contract.yaml`` (forecast_totals, forecast_horizon_totals), the comments of the
macros, and ``warehouse/ddl`` (total_intervals): each forecast is rounded to 0.0001 EUR and then
added; a total times the factors of its segment and span is the unbiased total and its bounds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.dbt_sql import build, declare, fill, query
from support.tiny_generation import forecast_row

from rossmann_ml.warehouse.schema import DDL_DIR

COLUMNS = {
    "sales_unbiased": "unbiased_factor",
    "lower_80": "lower_80_factor",
    "upper_80": "upper_80_factor",
    "lower_95": "lower_95_factor",
    "upper_95": "upper_95_factor",
}
Row = dict[str, Any]


@pytest.fixture(scope="module")
def chain() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a warehouse in memory with the views that the totals read."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute((DDL_DIR / "02_forecasting.sql").read_text(encoding="utf-8"))
        declare(connection, "dim_store")
        build(connection, "stg_forecasts", "stg_total_intervals")
        yield connection


def world(seed: int) -> dict[str, list[Row]]:
    """Draw stores, forecasts of two origins (with some days missing) and some factors."""
    rng = random.Random(seed)
    stores = [
        {
            "store_id": store,
            "store_type": rng.choice("ab"),
            "assortment": rng.choice("ac"),
            "state": rng.choice(["HE", "HB,NI", None]),
        }
        for store in range(1, rng.randint(1, 3) + 1)
    ]
    forecasts = []
    for origin in (date(2015, 6, 18), date(2015, 6, 18) + timedelta(days=rng.randint(1, 9))):
        horizon = rng.choice([1, 6, 7, 8, 14, 15])
        for store in stores:
            for day in range(1, horizon + 1):
                # never half of 0.0001, which floating point may round up or down
                fraction = rng.choice([0, 1, 49, 51, 99])
                sales = (rng.randint(0, 10**6) * 100 + fraction) / 10**6
                is_open = rng.random() < 0.7
                if rng.random() < 0.9:
                    forecasts.append(
                        forecast_row(
                            origin, store["store_id"], day,
                            is_open=is_open, sales_forecast=sales if is_open else 0.0,
                        )
                    )  # fmt: skip
    keys = {
        (row["forecast_origin"], *segment)
        for row in forecasts
        for segment in segments_of(row, stores)
    }
    spans = {origin: spans_of(origin) for origin, *_ in keys}
    names = ("forecast_origin", "level", "segment", "first_date", "last_date")
    intervals = [
        {
            **dict(zip(names, key, strict=True)),
            **{factor: rng.uniform(0.5, 2) for factor in COLUMNS.values()},
            "run_id": "r",
        }
        for key in [(*key, *span) for key in sorted(keys) for span in spans[key[0]]]
        if rng.random() < 0.7
    ]
    return {"stores": stores, "forecasts": forecasts, "intervals": intervals}


def spans_of(origin: date) -> list[tuple[date, date]]:
    """Return first and last days of all totals: calendar weeks, and 7, 14 and 15 days."""
    days = [origin + timedelta(days=day) for day in range(1, 16)]
    mondays = sorted({monday_of(day) for day in days})
    weeks = [[day for day in days if monday_of(day) == monday] for monday in mondays]
    weeks += [days[:7], days[:14], days]
    return sorted({(week[0], week[-1]) for week in weeks})


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    while day.isoweekday() != 1:
        day -= timedelta(days=1)
    return day


def segments_of(forecast: Row, stores: list[Row]) -> list[tuple[str, str]]:
    """Return the segments that a forecast belongs to."""
    (store,) = (each for each in stores if each["store_id"] == forecast["store_id"])
    return [
        ("chain", "all"),
        ("store_type", store["store_type"]),
        ("assortment", store["assortment"]),
        ("state", store["state"] or "unknown"),
        ("store", str(store["store_id"])),
    ]


def added(rows: list[Row], factors: Row | None) -> Row:
    """Return a total's counts and sums of its forecasts."""
    ten_thousandths = sum(round(row["sales_forecast"] * 10_000) for row in rows)
    total = ten_thousandths / 10_000
    open_days = sum(row["is_open"] for row in rows)
    found: Row = {"store_days": len(rows), "open_store_days": open_days, "sales_forecast": total}
    for column, factor in COLUMNS.items():
        found[column] = (
            0.0 if not open_days else None if factors is None else total * factors[factor]
        )
    return found


def totals_by_hand(
    chain: dict[str, list[Row]], belongs: dict[tuple[Any, ...], list[Row]], span: str
) -> list[Row]:
    """Return every total with its factors, by its key and first and last day."""
    names = ("forecast_origin", "level", "segment", "first_date", "last_date")
    known = {tuple(row[name] for name in names): row for row in chain["intervals"]}
    found = []
    for (origin, level, segment, value), rows in belongs.items():
        if span == "days":
            first, last = origin + timedelta(days=1), origin + timedelta(days=value)
            more: Row = {"last_date": last}
        else:
            days = {row["target_date"] for row in rows}
            first, last = min(days), max(days)
            more = {"days": len(days)}
        key: Row = {"forecast_origin": origin, "level": level, "segment": segment}
        factors = known.get((origin, level, segment, first, last))
        found.append({**key, span: value, **more, **added(rows, factors)})
    return found


def assert_same(found: list[Row], expected: list[Row], order: list[str]) -> None:
    """Assert equality to the last bit: sums are of integers, and one product is rounded once."""
    assert found == sorted(expected, key=lambda row: tuple(row[name] for name in order))


def load(connection: duckdb.DuckDBPyConnection, drawn: dict[str, list[Row]]) -> None:
    """Fill the warehouse."""
    fill(connection, "core.dim_store", drawn["stores"])
    fill(connection, "forecasting.forecasts", drawn["forecasts"])
    fill(connection, "forecasting.total_intervals", drawn["intervals"])


def rows_in_columns(
    connection: duckdb.DuckDBPyConnection, model: str, expected: list[Row]
) -> list[Row]:
    """Return the rows of a model, with the columns in the order of the reference."""
    return [
        {name: row[name] for name in expected[0]} for row in query(connection, model).to_dicts()
    ]


# an example made from a seed cannot be shrunk
@settings(max_examples=10, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seed=st.integers(0, 10**6))
def test_weeks_are_the_sums_of_the_days_between_monday_and_sunday(
    chain: duckdb.DuckDBPyConnection, seed: int
) -> None:
    drawn = world(seed)
    load(chain, drawn)
    belongs: dict[tuple[Any, ...], list[Row]] = {}
    for row in drawn["forecasts"]:
        for level, segment in segments_of(row, drawn["stores"]):
            key = (row["forecast_origin"], level, segment)
            belongs.setdefault((*key, monday_of(row["target_date"])), []).append(row)
    expected = totals_by_hand(drawn, belongs, "week_start")
    found = rows_in_columns(chain, "forecast_totals", expected) if expected else []
    order = ["forecast_origin", "level", "segment", "week_start"]
    assert_same(found, expected, order)


@settings(max_examples=10, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seed=st.integers(0, 10**6))
def test_first_days_are_7_14_and_28_of_a_longer_horizon_and_all_of_it(
    chain: duckdb.DuckDBPyConnection, seed: int
) -> None:
    drawn = world(seed)
    load(chain, drawn)
    belongs: dict[tuple[Any, ...], list[Row]] = {}
    for origin in {row["forecast_origin"] for row in drawn["forecasts"]}:
        rows = [row for row in drawn["forecasts"] if row["forecast_origin"] == origin]
        horizon = max(row["horizon_days"] for row in rows)
        for days in {*(n for n in (7, 14, 28) if n < horizon), horizon}:
            for row in rows:
                if (row["target_date"] - origin).days <= days:
                    for level, segment in segments_of(row, drawn["stores"]):
                        key = (origin, level, segment, days)
                        belongs.setdefault(key, []).append(row)
    expected = totals_by_hand(drawn, belongs, "days")
    found = rows_in_columns(chain, "forecast_horizon_totals", expected) if expected else []
    order = ["forecast_origin", "level", "segment", "days"]
    assert_same(found, expected, order)


@pytest.mark.parametrize(
    ("horizon", "days"),
    [(6, [6]), (7, [7]), (8, [7, 8]), (14, [7, 14]), (15, [7, 14, 15]), (28, [7, 14, 28]),
     (29, [7, 14, 28, 29]), (42, [7, 14, 28, 42])],
)  # fmt: skip
def test_a_choice_of_days_is_there_if_the_horizon_is_longer(
    chain: duckdb.DuckDBPyConnection, horizon: int, days: list[int]
) -> None:
    origin = date(2015, 6, 19)
    load(
        chain,
        {
            "stores": [{"store_id": 1, "store_type": "a", "assortment": "a", "state": "HE"}],
            "forecasts": [
                forecast_row(origin, 1, day, is_open=True, sales_forecast=float(day))
                for day in range(1, horizon + 1)
            ],
            "intervals": [],
        },
    )
    found = [row for row in query(chain, "forecast_horizon_totals").to_dicts()
             if row["level"] == "chain"]  # fmt: skip
    assert [row["days"] for row in found] == days
    # 1 + 2 + ... + n
    assert [row["sales_forecast"] for row in found] == [n * (n + 1) / 2 for n in days]
    assert [row["last_date"] for row in found] == [origin + timedelta(days=n) for n in days]


def test_a_week_over_the_turn_of_a_year_is_one_week(chain: duckdb.DuckDBPyConnection) -> None:
    origin = date(2014, 12, 27)  # a Saturday
    load(
        chain,
        {
            "stores": [{"store_id": 1, "store_type": "a", "assortment": "a", "state": "HE"}],
            "forecasts": [
                forecast_row(origin, 1, day, is_open=True, sales_forecast=1.0)
                for day in range(1, 10)
            ],
            "intervals": [],
        },
    )
    found = [row for row in query(chain, "forecast_totals").to_dicts() if row["level"] == "chain"]
    assert [(row["week_start"], row["days"], row["sales_forecast"]) for row in found] == [
        (date(2014, 12, 22), 1, 1.0),
        (date(2014, 12, 29), 7, 7.0),
        (date(2015, 1, 5), 1, 1.0),
    ]


def test_terms_are_rounded_to_a_ten_thousandth_before_they_are_added(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    origin = date(2015, 6, 21)  # a Sunday
    amounts = [0.00004, 0.00004, 0.00004, 0.00006, 1e9]
    load(
        chain,
        {
            "stores": [{"store_id": 1, "store_type": "a", "assortment": "a", "state": "HE"}],
            "forecasts": [
                forecast_row(origin, 1, day, is_open=True, sales_forecast=amount)
                for day, amount in enumerate(amounts, start=1)
            ],
            "intervals": [],
        },
    )
    for model in ("forecast_totals", "forecast_horizon_totals"):
        assert set(query(chain, model)["sales_forecast"]) == {1_000_000_000.0001}
