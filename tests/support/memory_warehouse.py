"""Create the pipeline database in memory, with the product's tables, without file or process.

All connections of a process share a named in-memory database of DuckDB, so code that opens the
warehouse by its settings reads the rows of the test.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import duckdb
import polars as pl
import pytest

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse import session, versions
from rossmann_ml.warehouse.connection import append_frame
from rossmann_ml.warehouse.schema import create_tables

_NUMBERS = itertools.count()
_ONE_THREAD = {"threads": 1}
_CORE_TABLES = """
CREATE SCHEMA core;
CREATE TABLE core.fct_daily_sales (
    store_id INTEGER, sales_date DATE, sales DOUBLE, is_observed BOOLEAN
);
CREATE TABLE core.sales_versions (
    store_id INTEGER, sales_date DATE, sales DOUBLE, known_on DATE, superseded_on DATE
);
CREATE TABLE core.plan_versions (
    store_id INTEGER, plan_date DATE, is_open BOOLEAN, is_current BOOLEAN
);
CREATE TABLE core.store_plan (
    store_id INTEGER, plan_date DATE, is_open BOOLEAN, is_promo BOOLEAN, state_holiday VARCHAR,
    is_school_holiday BOOLEAN
);
CREATE TABLE core.horizon_plan (
    store_id INTEGER, plan_date DATE, is_open BOOLEAN, is_promo BOOLEAN, state_holiday VARCHAR,
    is_school_holiday BOOLEAN, forecast_origin DATE, horizon_days INTEGER, plan_source VARCHAR
);
CREATE TABLE core.dim_store (
    store_id INTEGER, store_type VARCHAR, assortment VARCHAR, state VARCHAR,
    competition_distance_m DOUBLE, competition_open_since DATE, has_promo2 BOOLEAN,
    promo2_since DATE, promo2_months VARCHAR, first_sales_date DATE
);
"""


def create_core_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the core tables with the columns that Python reads, as dbt builds them."""
    connection.execute(_CORE_TABLES)


def fill_core(
    connection: duckdb.DuckDBPyConnection, frames: dict[str, pl.DataFrame], *, origin: object
) -> None:
    """Fill the core tables from ``history``, ``plan`` and ``stores``."""
    append_frame(
        connection, "core.fct_daily_sales", frames["history"].with_columns(is_observed=True)
    )
    is_past = pl.col("plan_date") <= origin
    append_frame(connection, "core.store_plan", frames["plan"].filter(is_past))
    horizon = (
        frames["plan"]
        .filter(~is_past)
        .with_columns(
            forecast_origin=pl.lit(origin, dtype=pl.Date),
            horizon_days=(pl.col("plan_date") - origin).dt.total_days(),
            plan_source=pl.lit("planned"),
        )
    )
    append_frame(connection, "core.horizon_plan", horizon)
    first = frames["history"].group_by("store_id").agg(first_sales_date=pl.col("sales_date").min())
    append_frame(
        connection,
        "core.dim_store",
        frames["stores"].join(first, on="store_id", how="left", maintain_order="left"),
    )


@contextmanager
def kept(connection: duckdb.DuckDBPyConnection, *tables: str) -> Iterator[None]:
    """Restore tables at the end of the block."""
    for number, table in enumerate(tables):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE kept_{number} AS FROM {table}")
    try:
        yield
    finally:
        for number, table in enumerate(tables):
            connection.execute(f"DELETE FROM {table}")
            connection.execute(f"INSERT INTO {table} FROM kept_{number}")


class _Kept:
    """A connection whose ``close`` does nothing."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


def let_sessions_open(monkeypatch: pytest.MonkeyPatch, database: duckdb.DuckDBPyConnection) -> None:
    """Make every session use an open connection, for any settings."""
    kept = _Kept(database)
    monkeypatch.setattr(session, "connect", lambda _settings, **_: kept)


@contextmanager
def memory_warehouse(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Iterator[tuple[Settings, duckdb.DuckDBPyConnection]]:
    """Create a warehouse in memory with all tables, and yield settings and a connection to it.

    Args:
        monkeypatch: Fixture that restores the file database afterwards.
        folder: Folder of the writer's lock.
    """
    name = f":memory:test_{next(_NUMBERS)}"
    settings = load_settings(warehouse_dir=folder / "warehouse", state_dir=folder / "state")

    def open_in_memory(settings: Settings, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(name, config=_ONE_THREAD)

    monkeypatch.setattr(warehouse, "open_as_it_is", open_in_memory)
    monkeypatch.setattr(versions, "git_commit", lambda home: "a-commit")  # git is a process
    monkeypatch.setattr(versions, "code_version", lambda home: "a-code")
    with duckdb.connect(name, config=_ONE_THREAD) as connection:
        create_tables(connection)
        create_core_tables(connection)
        yield settings, connection


def let_pass(monkeypatch: pytest.MonkeyPatch, module: ModuleType, seconds: float) -> None:
    """Make a module measure so many seconds between its first and second reading of the clock."""
    looks = iter((100.0, 100.0 + seconds))
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(looks)))
