"""Accuracy of served forecasts: dbt's SQL compared with scores computed row by row.

Definitions: the descriptions in ``forecast_accuracy.yml``, ``first_served_forecasts.yml`` and
``seasonal_naive.yml``. Squared and absolute percentage errors are rounded to 9 decimals and added
as decimals, so that the result does not depend on the order of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.accuracy_reference import (
    BACKFILL,
    FIRST,
    STORES,
    Row,
    judged,
    scores,
    world,
)  # fmt: skip
from support.dbt_sql import build, declare, fill, query
from support.tiny_generation import forecast_row, model_row, run_row, score_row

from rossmann_ml.warehouse.schema import DDL_DIR


@pytest.fixture(scope="module")
def chain() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a warehouse in memory with the views that the accuracy mart reads."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute((DDL_DIR / "02_forecasting.sql").read_text(encoding="utf-8"))
        declare(connection, "dim_store", "fct_daily_sales", "sales_versions")
        build(
            connection,
            *("stg_forecasts", "stg_forecast_history", "stg_shadow_forecasts"),
            *("stg_forecast_runs", "stg_backtest_scores", "stg_model_versions"),
            *("first_served_forecasts", "seasonal_naive"),
        )
        names = ("store_type", "assortment", "state")
        stores = [
            {"store_id": store, **dict(zip(names, values, strict=True))}
            for store, values in STORES.items()
        ]
        fill(connection, "core.dim_store", stores)
        yield connection


def load(connection: duckdb.DuckDBPyConnection, drawn: dict[str, list[Row]]) -> None:
    """Fill the warehouse; the first run of an origin used what was known on that day."""
    for table in ("forecasts", "forecast_history", "shadow_forecasts"):
        fill(connection, f"forecasting.{table}", drawn[table])
    runs = [
        run_row(f"{number}-{row['day']}", row["day"], known_by=row["day"] + timedelta(days=number))
        for row in drawn["origins"]
        for number in (0, 9)
    ]
    runs.append(run_row(BACKFILL, FIRST, run_kind="backfill", known_by=date(2016, 1, 1)))
    fill(connection, "forecasting.forecast_runs", runs)
    fill(connection, "core.fct_daily_sales", drawn["actuals"])
    fill(connection, "core.sales_versions", drawn["known"])


# an example made from a seed cannot be shrunk
@settings(max_examples=6, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seed=st.integers(0, 10**6))
def test_scores_of_every_segment_are_those_of_its_rows(
    chain: duckdb.DuckDBPyConnection, seed: int
) -> None:
    drawn = world(seed)
    load(chain, drawn)
    found = {
        (row["forecast_origin"], row["forecast_kind"], row["model_version"],
         row["segment_kind"], row["segment"]): row
        for row in query(chain, "forecast_accuracy").to_dicts()
    }  # fmt: skip
    belongs: dict[tuple[Any, ...], list[Row]] = {}
    for row in judged(drawn):
        for segment in row["segments"]:
            belongs.setdefault((*row["vintage"], *segment), []).append(row)
    assert found.keys() == belongs.keys()
    for key, rows in belongs.items():
        origin, kind, _, *segment = key
        rolling = [
            row
            for (other, other_kind, _, *other_segment), others in belongs.items()
            if (other_kind, other_segment) == (kind, segment) and 0 <= (origin - other).days <= 27
            for row in others
        ]
        for name, value in scores(rows, rolling).items():
            # roots and quotients of exact sums; bias is near 0, so to an absolute 1e-12
            is_float = isinstance(value, float)
            expected = pytest.approx(value, rel=1e-9, abs=1e-12) if is_float else value
            assert found[key][name] == expected, (key, name)
        # totals are 1.25 times their sums; those of challengers and unrecorded runs are not known
        total_bias = found[key]["total_bias"]
        if total_bias is not None:
            assert total_bias == pytest.approx(1.25 * (found[key]["bias"] + 1) - 1, abs=1e-6), key
        assert kind != "shadow" or total_bias is None
    assert any(row["total_bias"] is not None for row in found.values())


def one_day(origin: date, sales: float, **values: Any) -> tuple[list[Row], list[Row]]:
    """Return a forecast of 100 EUR with its actual sales."""
    row = forecast_row(origin, 1, 1, is_open=True, **{"sales_forecast": 100.0, **values})
    actual = {
        "store_id": 1, "sales_date": row["target_date"], "sales": sales, "is_open": True,
        "day_of_week": row["target_date"].isoweekday(), "is_promo": False,
    }  # fmt: skip
    return [row], [actual]


def accuracy(
    connection: duckdb.DuckDBPyConnection, forecasts: list[Row], actuals: list[Row], **rows: Any
) -> list[Row]:
    """Return the overall scores of a few days."""
    drawn = {
        "forecasts": forecasts, "actuals": actuals, "forecast_history": [],
        "shadow_forecasts": [], "known": [],
        "origins": [{"day": day} for day in sorted({row["forecast_origin"] for row in forecasts})],
    }  # fmt: skip
    load(connection, {**drawn, **rows})
    found = query(connection, "forecast_accuracy").to_dicts()
    return [row for row in found if row["segment_kind"] == "overall"]


@pytest.mark.parametrize(("days_before", "rolling"), [(27, math.sqrt(0.625)), (28, 0.5)])
def test_the_rolling_score_reaches_27_days_back(
    chain: duckdb.DuckDBPyConnection, days_before: int, rolling: float
) -> None:
    older, newer = one_day(FIRST - timedelta(days=days_before), 50.0), one_day(FIRST, 200.0)
    found = accuracy(chain, older[0] + newer[0], older[1] + newer[1])
    # errors of 100% and of -50%
    assert [row["rmspe"] for row in found] == [1.0, 0.5]
    assert found[1]["rolling_rmspe"] == pytest.approx(rolling, rel=1e-12)


@pytest.mark.parametrize(
    ("sales", "inside"),
    [(75.0, True), (74.99, False), (125.0, True), (125.01, False)],
)
def test_sales_on_a_bound_are_inside(
    chain: duckdb.DuckDBPyConnection, sales: float, inside: bool
) -> None:
    forecasts, actuals = one_day(FIRST, sales, lower_80=75.0, upper_80=125.0)
    (row,) = accuracy(chain, forecasts, actuals)
    assert row["coverage_80"] == float(inside)
    assert row["coverage_95"] == 1.0


@pytest.mark.parametrize(("age", "answers"), [(0, True), (7, True), (364, True), (371, False)])
def test_seasonal_naive_looks_back_from_the_origin_itself_to_the_364th_day_before(
    chain: duckdb.DuckDBPyConnection, age: int, answers: bool
) -> None:
    # the seventh day after a Friday is a Friday
    row = forecast_row(FIRST, 1, 7, is_open=True)
    actual = one_day(FIRST + timedelta(days=6), 100.0)[1]
    day = FIRST - timedelta(days=age)
    known = {"store_id": 1, "sales_date": day, "sales": 150.0, "known_on": day}
    (found,) = accuracy(chain, [row], actual, known=[known])
    assert found["rmspe_seasonal_naive"] == (0.5 if answers else None)
    assert found["skill"] == (1.0 if answers else None)


@pytest.mark.parametrize(
    ("known_on", "superseded_on", "answers"),
    [(0, None, True), (1, None, False), (-3, 0, False), (-3, 1, True)],
)
def test_seasonal_naive_uses_what_the_first_run_of_the_origin_knew(
    chain: duckdb.DuckDBPyConnection, known_on: int, superseded_on: int | None, answers: bool
) -> None:
    row = forecast_row(FIRST, 1, 7, is_open=True)
    known = {
        "store_id": 1, "sales_date": FIRST - timedelta(days=7), "sales": 150.0,
        "known_on": FIRST + timedelta(days=known_on),
        "superseded_on":
            None if superseded_on is None else FIRST + timedelta(days=superseded_on),
    }  # fmt: skip
    (found,) = accuracy(chain, [row], one_day(FIRST + timedelta(days=6), 80.0)[1], known=[known])
    assert found["rmspe_seasonal_naive"] == (0.875 if answers else None)


def test_a_horizon_week_has_seven_days(chain: duckdb.DuckDBPyConnection) -> None:
    days = range(1, 43)
    forecasts = [forecast_row(FIRST, 1, day, is_open=True) for day in days]
    actuals = [one_day(FIRST + timedelta(days=day - 1), 100.0 / day)[1][0] for day in days]
    accuracy(chain, forecasts, actuals)
    found = {
        row["segment"]: (row["days"], row["first_target_date"])
        for row in query(chain, "forecast_accuracy").to_dicts()
        if row["segment_kind"] == "horizon_week"
    }
    assert found == {str(week): (7, FIRST + timedelta(days=7 * week - 6)) for week in range(1, 7)}


def test_backtest_scores_are_those_of_the_same_family_over_all_origins_together(
    chain: duckdb.DuckDBPyConnection,
) -> None:
    promised = {"skill": 0.5, "coverage_80": 0.81, "coverage_95": 0.96}
    fill(
        chain,
        "forecasting.model_versions",
        [model_row(each, recipe="{}", blend_weights="{}") for each in "mn"],
    )
    rows = [
        score_row("blend", None, 0.2, **promised, segment="x", segment_kind="promo"),
        score_row("lightgbm", None, 0.3, **promised),
        score_row("blend", FIRST, 0.4, **promised),
        score_row("blend", None, 0.5, model_version="n", **promised),
        score_row("blend", None, 0.6, **promised),
    ]
    fill(chain, "forecasting.backtest_scores", [{**row, "rmspe": 9.0} for row in rows])
    (found,) = accuracy(chain, *one_day(FIRST, 100.0))
    assert (found["backtest_rmspe"], found["backtest_skill"]) == (0.6, 0.5)
    assert (found["backtest_coverage_80"], found["backtest_coverage_95"]) == (0.81, 0.96)
