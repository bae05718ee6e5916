"""Create a warehouse with only the core tables of the sample, without dbt."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.warehouse.connection import append_frame, connect
from support.chain import NEWEST_ORIGIN, frames

_TABLES = """
CREATE SCHEMA core;
CREATE TABLE core.fct_daily_sales (
    store_id INTEGER, sales_date DATE, sales DOUBLE, customers DOUBLE, is_observed BOOLEAN
);
CREATE TABLE core.sales_versions (
    store_id INTEGER, sales_date DATE, sales DOUBLE, customers DOUBLE, known_on DATE,
    superseded_on DATE
);
CREATE TABLE core.store_plan (
    store_id INTEGER, plan_date DATE, is_open BOOLEAN, is_promo BOOLEAN, state_holiday VARCHAR,
    is_school_holiday BOOLEAN
);
CREATE TABLE core.horizon_plan (
    store_id INTEGER, plan_date DATE, is_open BOOLEAN, is_promo BOOLEAN, state_holiday VARCHAR,
    is_school_holiday BOOLEAN, forecast_origin DATE, horizon_days INTEGER, plan_source VARCHAR
);
"""


def core_warehouse(place: Path, sample: Path, *, first_day: date = date(2013, 1, 1)) -> Settings:
    """Fill a warehouse with the first 15 stores of the sample, and return its settings."""
    settings = load_settings(
        raw_dir=sample,
        warehouse_dir=place / "warehouse",
        state_dir=place / "state",
        threads=1,
    )
    few = pl.col("store_id") <= 15
    known = {name: frame.filter(few) for name, frame in frames(sample).items()}
    later = pl.col("plan_date") > NEWEST_ORIGIN
    history = known["history"].filter(pl.col("sales_date") >= first_day)
    horizon = (
        known["plan"]
        .filter(later)
        .with_columns(
            forecast_origin=pl.lit(NEWEST_ORIGIN),
            horizon_days=(pl.col("plan_date") - NEWEST_ORIGIN).dt.total_days(),
            plan_source=pl.lit("plan"),
        )
    )
    past = (pl.col("plan_date") >= first_day) & ~later
    with connect(settings) as connection:
        connection.execute(_TABLES)
        append_frame(connection, "core.fct_daily_sales", history.with_columns(is_observed=True))
        append_frame(connection, "core.store_plan", known["plan"].filter(past))
        append_frame(connection, "core.horizon_plan", horizon)
        connection.register("stores", known["stores"])
        connection.execute("CREATE TABLE core.dim_store AS SELECT * FROM stores")
    return settings


def triple_sales_after(settings: Settings, day: date) -> None:
    """Triple the sales of all days after a day."""
    with connect(settings) as connection:
        connection.execute(
            "UPDATE core.fct_daily_sales SET sales = 3 * sales WHERE sales_date > ?", [day]
        )


def days_before_newest(days: int) -> date:
    """Return the day ``days`` days before the newest origin."""
    return NEWEST_ORIGIN - timedelta(days=days)
