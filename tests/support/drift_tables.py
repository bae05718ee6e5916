"""Build a warehouse with the sample's days for tests of drift, without dbt."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.monitoring.drift.measure import compare_samples
from rossmann_ml.monitoring.drift.sales_weeks import sales_samples
from rossmann_ml.monitoring.drift.stores import store_deviations, stores_off_level
from rossmann_ml.monitoring.drift.windows import FEATURE_COLUMNS, plan_samples
from rossmann_ml.warehouse.connection import connect
from support.chain import NEWEST_ORIGIN, frames

HORIZON_DAYS = 42


def days_of(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return store-days as sold and as planned, with a plan after them."""
    tables = frames(folder)
    plan = (
        tables["plan"]
        .rename({"plan_date": "day"})
        .join(tables["stores"].select("store_id", "state"), on="store_id")
        .with_columns(pl.col("is_open").fill_null(value=True))
    )
    sold = plan.join(tables["history"].rename({"sales_date": "day"}), on=["store_id", "day"]).sort(
        "store_id", "day"
    )
    return sold, plan.sort("store_id", "day")


def in_week(last_day: date) -> pl.Expr:
    """Return whether a day is in the week that ends on another day."""
    return pl.col("day").is_between(last_day - timedelta(days=6), last_day)


def drift_warehouse(place: Path, sold: pl.DataFrame, plan: pl.DataFrame) -> Settings:
    """Yield a warehouse with the tables that drift reads: core, panels, and two weekly vintages."""
    settings = load_settings(
        warehouse_dir=place / "warehouse", state_dir=place / "state", threads=1
    )
    origin = NEWEST_ORIGIN
    with connect(settings) as connection:
        connection.register("sold", sold)
        connection.register("plan", plan)
        connection.execute("CREATE SCHEMA core")
        connection.execute(
            """
            CREATE TABLE core.fct_daily_sales AS
            SELECT * EXCLUDE (day, state), day AS sales_date, true AS is_observed FROM sold
            WHERE day <= $origin
            """,
            {"origin": origin},
        )
        connection.execute(
            "CREATE TABLE core.dim_store AS SELECT DISTINCT store_id, state FROM plan"
        )
        connection.execute(
            """
            CREATE TABLE core.horizon_plan AS
            SELECT * EXCLUDE (day, state), day AS plan_date, $origin::DATE AS forecast_origin,
                day - $origin::DATE AS horizon_days, 'planned' AS plan_source
            FROM plan WHERE day > $origin
            """,
            {"origin": origin},
        )
        connection.execute(
            """
            CREATE TABLE core.store_plan AS
            SELECT * EXCLUDE (day, state), day AS plan_date, 'actual' AS plan_source
            FROM plan WHERE day <= $origin
            """,
            {"origin": origin},
        )
        _panels(connection, origin)
        for vintage, run in ((origin - timedelta(days=7), "before"), (origin, "now")):
            _forecasts(connection, vintage, run)
    return settings


def _panels(connection, origin: date) -> None:
    columns = ", ".join(
        f"(hash(store_id, '{name}') % 1000)::FLOAT / 1000 AS {name}" for name in FEATURE_COLUMNS
    )
    for panel, of in (
        ("scoring_panel", origin),
        ("training_panel", origin - timedelta(days=357)),
    ):
        connection.execute(
            f"CREATE TABLE features.{panel} AS SELECT $of::DATE AS forecast_origin, store_id, "
            f"$of::DATE + 1 AS target_date, {columns} FROM core.dim_store",
            {"of": of},
        )


def _forecasts(connection, origin: date, run: str) -> None:
    connection.execute(
        """
        INSERT INTO forecasting.forecasts
        SELECT $origin::DATE, store_id, day, day - $origin::DATE, plan.is_open,
            if(plan.is_open, coalesce(sales, 5000) * 1.02, 0), 0, 0, 0, 0, 'm', $run, 'planned',
            NULL, NULL
        FROM plan LEFT JOIN sold USING (store_id, day)
        WHERE day > $origin AND day <= $origin::DATE + 42
        """,
        {"origin": origin, "run": run},
    )


def drifted(sold: pl.DataFrame, plan: pl.DataFrame, week: date, params: Params) -> set[str]:
    """Return the names of the features that drifted in a week, stores off their level included."""
    samples = plan_samples(plan, origin=week, horizon_days=HORIZON_DAYS)
    samples += sales_samples(sold.filter(pl.col("day") <= week), last_day=week)
    found = compare_samples(samples, params.monitoring.drift)
    names = {f"{each.kind}.{each.feature}" for each in found if each.is_drifted}
    return names | {f"store {store}" for store in off_level(sold, week, params)}


def off_level(sold: pl.DataFrame, week: date, params: Params) -> list[int]:
    """Return the stores off their level in a week."""
    deviations = store_deviations(sold, last_day=week)
    return stores_off_level(deviations, params.monitoring.drift.stores)["store_id"].to_list()
