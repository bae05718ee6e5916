"""Build core tables and panels in memory, and rows of them, for tests of drift."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from support.monitoring_rows import ORIGIN, insert, memory_warehouse

_TABLES = """
CREATE SCHEMA core;
CREATE TABLE core.dim_store (store_id INTEGER, state VARCHAR);
CREATE TABLE core.fct_daily_sales (
    store_id INTEGER, sales_date DATE, sales DOUBLE, customers DOUBLE, is_open BOOLEAN,
    is_promo BOOLEAN, state_holiday VARCHAR, is_observed BOOLEAN
);
CREATE TABLE core.horizon_plan (
    forecast_origin DATE, horizon_days INTEGER, store_id INTEGER, plan_date DATE, is_open BOOLEAN,
    is_promo BOOLEAN, state_holiday VARCHAR, is_school_holiday BOOLEAN, plan_source VARCHAR
);
CREATE TABLE core.store_plan (
    store_id INTEGER, plan_date DATE, is_open BOOLEAN, is_promo BOOLEAN, state_holiday VARCHAR,
    is_school_holiday BOOLEAN, plan_source VARCHAR
);
"""
_PANEL = """
CREATE TABLE features.{} (
    forecast_origin DATE, store_id INTEGER, target_date DATE, residual_7d DOUBLE,
    residual_28d DOUBLE, level_trend DOUBLE, store_level DOUBLE
)
"""


def core_in_memory() -> duckdb.DuckDBPyConnection:
    """Return a warehouse with empty core tables and without panels."""
    connection = memory_warehouse()
    connection.execute(_TABLES)
    return connection


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty the tables that the functions below and a measurement fill, and drop the panels."""
    for name in ("dim_store", "fct_daily_sales", "horizon_plan", "store_plan"):
        connection.execute(f"DELETE FROM core.{name}")
    connection.execute("DELETE FROM forecasting.forecasts")
    connection.execute("DELETE FROM monitoring.drift_metrics")
    for panel in ("training_panel", "scoring_panel"):
        connection.execute(f"DROP TABLE IF EXISTS features.{panel}")


def make_panels(connection: duckdb.DuckDBPyConnection) -> None:
    """Create both panels without rows."""
    for panel in ("training_panel", "scoring_panel"):
        connection.execute(_PANEL.format(panel))


def stores(connection: duckdb.DuckDBPyConnection, **states: str | None) -> None:
    """Add stores with their states by name, such as ``s1="HE"``."""
    rows = [(int(name[1:]), state) for name, state in states.items()]
    connection.executemany("INSERT INTO core.dim_store VALUES (?, ?)", rows)


def sale(
    connection: duckdb.DuckDBPyConnection,
    day: date,
    sales: float = 5000.0,
    *,
    store: int = 1,
    is_observed: bool = True,
) -> None:
    """Add a store-day with sales."""
    connection.execute(
        "INSERT INTO core.fct_daily_sales VALUES (?, ?, ?, 500, true, false, '0', ?)",
        [store, day, sales, is_observed],
    )


def planned(
    connection: duckdb.DuckDBPyConnection,
    ahead: int,
    source: str = "planned",
    *,
    store: int = 1,
    origin: date = ORIGIN,
    is_promo: bool = False,
) -> None:
    """Add a store-day of an origin's plan."""
    connection.execute(
        "INSERT INTO core.horizon_plan VALUES (?, ?, ?, ?, true, ?, '0', false, ?)",
        [origin, ahead, store, origin + timedelta(days=ahead), is_promo, source],
    )


def as_sold(
    connection: duckdb.DuckDBPyConnection, day: date, source: str = "actual", *, store: int = 1
) -> None:
    """Add a past store-day of the plan."""
    connection.execute(
        "INSERT INTO core.store_plan VALUES (?, ?, true, false, '0', false, ?)",
        [store, day, source],
    )


def forecast(
    connection: duckdb.DuckDBPyConnection,
    origin: date,
    day: date,
    value: float = 5000.0,
    *,
    store: int = 1,
    **values: object,
) -> None:
    """Add a store-day of a vintage."""
    row = {"forecast_origin": origin, "target_date": day, "sales_forecast": value}
    insert(connection, "forecasting.forecasts", **row, store_id=store, **values)


def feature(
    connection: duckdb.DuckDBPyConnection,
    panel: str,
    origin: date,
    value: float,
    *,
    store: int = 1,
    ahead: int = 1,
) -> None:
    """Add a row of a panel, whose four features are multiples of a value."""
    connection.execute(
        f"INSERT INTO features.{panel} VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            *(origin, store, origin + timedelta(days=ahead)),
            *(value, 2 * value, 3 * value, 4 * value),
        ],
    )
