"""Store-days with the worst forecasts and their reasons: dbt's SQL at the limits.

Definitions: the descriptions in ``forecast_worst_days.yml``: 200 store-days of the 28 days up to
the newest scored one; a closure of 7 days or more is a refurbishment, named from 14 days before it
to 28 days after; a competitor is named for 182 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from support.dbt_sql import build, declare, fill, query
from support.tiny_generation import forecast_row

from rossmann_ml.warehouse.schema import DDL_DIR

Row = dict[str, Any]
NEWEST = date(2015, 6, 30)


@pytest.fixture(scope="module")
def chain() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a warehouse in memory with the views that the mart reads."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute((DDL_DIR / "02_forecasting.sql").read_text(encoding="utf-8"))
        declare(connection, "dim_store", "fct_daily_sales", "horizon_plan")
        build(
            connection,
            *("stg_forecasts", "stg_forecast_history", "stg_shadow_forecasts"),
            *("stg_forecast_runs", "first_served_forecasts"),
        )
        yield connection


def day_before(days: int) -> date:
    """Return a day, counted back from the newest one."""
    return NEWEST - timedelta(days=days)


def forecast(target: date, sales: float, store: int = 1, horizon: int = 1, **values: Any) -> Row:
    """Return a forecast of an open day."""
    origin = target - timedelta(days=horizon)
    return forecast_row(
        origin, store, horizon, is_open=True, sales_forecast=sales, **values
    )  # fmt: skip


def sold(day: date, sales: float = 100.0, store: int = 1, **values: Any) -> Row:
    """Return the actual sales of a day."""
    row = {
        "store_id": store, "sales_date": day, "sales": sales, "is_open": sales > 0,
        "is_promo": False, "state_holiday": "0", "is_observed": True,
    }  # fmt: skip
    return {**row, **values}


def worst(
    connection: duckdb.DuckDBPyConnection,
    forecasts: list[Row],
    actuals: list[Row],
    plan: list[Row] | None = None,
    competition_open_since: date | None = None,
    ranked_by: str = "eur",
) -> list[Row]:
    """Return the worst days of one ranking."""
    store = {"competition_open_since": competition_open_since}
    ids = sorted({row["store_id"] for row in forecasts})
    fill(connection, "core.dim_store", [{"store_id": number, **store} for number in ids])
    fill(connection, "forecasting.forecasts", forecasts)
    fill(connection, "core.fct_daily_sales", actuals)
    fill(connection, "core.horizon_plan", plan or [])
    found = query(connection, "forecast_worst_days").to_dicts()
    return [row for row in found if row["ranked_by"] == ranked_by]


def test_errors_are_ranked_by_their_size_in_eur_and_as_a_share(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    # sold, forecast: +40%, -50%, exact, +10%
    days = [(1000.0, 1400.0), (100.0, 50.0), (70.0, 70.0), (5000.0, 5500.0)]
    forecasts = [forecast(day_before(n), value) for n, (_, value) in enumerate(days)]
    actuals = [sold(day_before(n), value) for n, (value, _) in enumerate(days)]
    by_eur = worst(chain, forecasts, actuals)
    by_share = worst(chain, forecasts, actuals, ranked_by="relative")
    assert [(row["place"], row["error_eur"]) for row in by_eur] == [
        (1, 500.0), (2, 400.0), (3, -50.0),
    ]  # fmt: skip
    assert [(row["place"], round(row["relative_error"], 12)) for row in by_share] == [
        (1, -0.5), (2, 0.4), (3, 0.1),
    ]  # fmt: skip


def test_the_28_days_up_to_the_newest_forecast_day_are_scored_by_the_last_forecast(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    forecasts = [
        *(forecast(day_before(n), 200.0) for n in (0, 27, 28)),
        forecast(day_before(0), 900.0, horizon=2),
        forecast(NEWEST + timedelta(days=1), 200.0),
    ]
    # a later day has sales of another store, which has no forecast
    actuals = [sold(day_before(n)) for n in (0, 27, 28)] + [sold(day_before(-9), store=2)]
    found = worst(chain, forecasts, actuals)
    assert {row["target_date"]: row["error_eur"] for row in found} == {
        day_before(0): 100.0, day_before(27): 100.0,
    }  # fmt: skip


def test_200_rows_are_listed_and_equal_errors_in_the_order_of_stores(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    forecasts = [forecast(NEWEST, 200.0, store=store) for store in range(1, 203)]
    actuals = [sold(NEWEST, store=store) for store in range(1, 203)]
    found = worst(chain, forecasts, actuals)
    assert [(row["place"], row["store_id"]) for row in found] == [(n, n) for n in range(1, 201)]


def closed(first: date, last: date) -> list[Row]:
    """Return ten weeks of days, open except for one closure."""
    days = [NEWEST - timedelta(days=n) for n in range(-10, 60)]
    return [sold(day, 0.0 if first <= day <= last else 100.0) for day in sorted(days)]


@pytest.mark.parametrize(("days", "reason"), [(6, "unknown"), (7, "refurbishment")])
def test_a_closure_of_a_week_or_more_is_a_refurbishment(
    chain: duckdb.DuckDBPyConnection, days: int, reason: str
) -> None:
    span = day_before(days), day_before(1)
    (row,) = worst(chain, [forecast(NEWEST, 200.0)], closed(*span))
    assert row["reason"] == reason
    named = span if reason == "refurbishment" else (None, None)
    assert (row["closure_first_date"], row["closure_last_date"]) == named


@pytest.mark.parametrize(
    ("first_day", "reason"),
    [(14, "refurbishment"), (15, "unknown"), (-35, "refurbishment"), (-36, "unknown")],
)
def test_it_is_named_from_two_weeks_before_to_four_weeks_after(
    chain: duckdb.DuckDBPyConnection, first_day: int, reason: str
) -> None:
    judged = day_before(20)
    first = judged + timedelta(days=first_day)
    # eight days, the last one seven days after the first
    actuals = closed(first, first + timedelta(days=7))
    forecasts = [forecast(judged, 200.0), forecast(NEWEST, 100.0)]
    found = worst(chain, forecasts, actuals)
    # the closure may include the newest day
    assert [row["reason"] for row in found if row["target_date"] == judged] == [reason]


@pytest.mark.parametrize(("days", "reason"), [(6, "unknown"), (7, "refurbishment")])
def test_a_closure_that_lasts_ends_at_the_newest_day_for_now(
    chain: duckdb.DuckDBPyConnection, days: int, reason: str
) -> None:
    actuals = closed(day_before(days - 1), day_before(-10))
    judged = day_before(days)
    (row,) = worst(chain, [forecast(judged, 200.0), forecast(NEWEST, 0.0)], actuals)
    assert (row["target_date"], row["reason"]) == (judged, reason)
    assert row["closure_last_date"] == (NEWEST if reason == "refurbishment" else None)


@pytest.mark.parametrize(
    ("opened", "reason"),
    [(-1, "unknown"), (0, "competition_opened"), (182, "competition_opened"), (183, "unknown")],
)
def test_a_competitor_is_named_for_half_a_year(
    chain: duckdb.DuckDBPyConnection, opened: int, reason: str
) -> None:
    (row,) = worst(
        chain, [forecast(NEWEST, 200.0)], [sold(NEWEST)], competition_open_since=day_before(opened)
    )
    assert row["reason"] == reason


@pytest.mark.parametrize(
    ("away", "reason"), [(-2, "unknown"), (-1, "holiday"), (1, "holiday"), (2, "unknown")]
)
def test_a_holiday_is_named_on_the_days_next_to_it(
    chain: duckdb.DuckDBPyConnection, away: int, reason: str
) -> None:
    holiday = sold(NEWEST + timedelta(days=away), 0.0, state_holiday="a")
    (row,) = worst(chain, [forecast(NEWEST, 200.0)], [sold(NEWEST), holiday])
    assert row["reason"] == reason


def test_a_difference_from_the_plan_is_named_first(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    days = [day_before(n) for n in range(3)]
    forecasts = [
        forecast(days[0], 200.0, store=1),
        {**forecast(days[1], 0.0, store=2), "is_open": False},
        forecast(days[2], 200.0, store=3),
    ]
    actuals = [
        sold(days[0], 0.0, store=1, state_holiday="a"),
        sold(days[1], 50.0, store=2, state_holiday="a"),
        sold(days[2], 60.0, store=3, state_holiday="a", is_promo=True),
    ]
    plan = [
        {"forecast_origin": row["forecast_origin"], "store_id": row["store_id"],
         "plan_date": row["target_date"], "is_promo": False}
        for row in forecasts
    ]  # fmt: skip
    found = worst(chain, forecasts, actuals, plan)
    assert {row["store_id"]: row["reason"] for row in found} == {
        1: "closed_unexpectedly", 2: "opened_unexpectedly", 3: "promo_changed",
    }  # fmt: skip
