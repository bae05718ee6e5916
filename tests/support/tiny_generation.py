"""Build a generation of two stores and two origins with a horizon of nine days, in milliseconds.

The marts come from dbt's SQL and the file from the product's writer, so the fault that a test
plants is the only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import Any

import duckdb

from rossmann_ml.models.quantile_levels import LEVELS
from rossmann_ml.publish.identity import Draft
from rossmann_ml.publish.writer import write_generation
from rossmann_ml.serving.contract import Contract, load_contract
from rossmann_ml.serving.generations import GenerationInfo
from rossmann_ml.warehouse.schema import DDL_DIR
from support.dbt_sql import build, declare, fill

OLDER, NEWEST = date(2015, 6, 12), date(2015, 6, 19)
HORIZON = 9
STORES = (1, 2)
NOON = datetime(2015, 6, 22, 12)
FACTORS = {
    "unbiased_factor": 1.25,
    "lower_80_factor": 1.0,
    "upper_80_factor": 1.5,
    "lower_95_factor": 0.5,
    "upper_95_factor": 2.0,
}


def info_of(generation_id: str = "0123456789ab", **values: Any) -> GenerationInfo:
    """Return a row of ``generation_info`` with default values for other columns."""
    described = {
        "generation_id": generation_id,
        "published_at": NOON,
        "forecast_origin": NEWEST,
        "horizon_days": HORIZON,
        "data_version": "d",
        "model_version": "m",
        "code_version": "c",
        "git_commit": "unknown",
        "run_id": "weekly-1",
        "data_set_name": "tiny",
        "is_synthetic": True,
        "product_today": date(2015, 6, 22),
        "schema_version": 1,
    }
    return GenerationInfo(**{**described, **values})


def forecast_row(origin: date, store_id: int, day: int, **values: Any) -> dict[str, Any]:
    """Return the forecast of the n-th day after an origin: 100 EUR times the store number."""
    target = origin + timedelta(days=day)
    is_open = values.get("is_open", target.isoweekday() < 7)
    sales = 100.0 * store_id if is_open else 0.0
    row = {
        "forecast_origin": origin,
        "store_id": store_id,
        "target_date": target,
        "horizon_days": day,
        "is_open": is_open,
        "sales_forecast": sales,
        "lower_80": sales * 0.75,
        "upper_80": sales * 1.25,
        "lower_95": sales * 0.5,
        "upper_95": sales * 1.5,
        "model_version": "m",
        "run_id": f"run-{origin}",
        "plan_source": "planned",
        "sales_median": sales * 1.25,
        "error_scale": 0.5 if is_open else 0.0,
    }
    return {**row, **values}


def run_row(run_id: str, origin: date, **values: Any) -> dict[str, Any]:
    """Return a row of ``forecasting.forecast_runs``."""
    row = {
        "run_id": run_id,
        "run_kind": "weekly",
        "forecast_origin": origin,
        "known_by": origin,
        "model_version": "m",
        "data_version": "d",
        "code_version": "c",
        "input_hash": f"hash-{origin}",
        "git_commit": "unknown",
        "stores": len(STORES),
        "store_days": len(STORES) * HORIZON,
        "assumed_store_days": 0,
        "stores_not_forecast": 0,
        "total_sales_forecast": 1.0,
        "total_sales_unbiased": 1.25,
        "started_at": NOON,
        "finished_at": NOON,
    }
    return {**row, **values}


def model_row(model_version: str, **values: Any) -> dict[str, Any]:
    """Return a row of ``forecasting.model_versions``."""
    row = {
        "model_version": model_version,
        "family": "blend",
        "profile": "fast",
        "recipe_hash": "r",
        "trained_through": OLDER,
        "data_version": "d",
        "code_version": "c",
        "git_commit": "unknown",
        "mlflow_run_id": "1",
        "registry_version": "1",
        "training_rows": 1,
        "rmspe_mean": 0.1,
        "rmspe_median": 0.1,
        "rmspe_spread": 0.0,
        "training_seconds": 1.0,
        "created_at": NOON,
    }
    return {**row, **values}


def score_row(
    model: str, origin: date | None, rmspe: float, *, model_version: str = "m", **values: Any
) -> dict[str, Any]:
    """Return a row of ``forecasting.backtest_scores``."""
    row = {
        "model_version": model_version,
        "model": model,
        "forecast_origin": origin,
        "segment_kind": "overall",
        "segment": "all",
        "origins": 1,
        "interval_origins": 1,
        "store_days": 1,
        "rmspe": rmspe,
        "rmspe_median": rmspe,
        "rmse": 1.0,
        "mae": 1.0,
        "mape": 0.1,
        "wape": 0.1,
        "bias": 0.0,
        "scored_at": NOON,
    }
    return {**row, **values}


def few_tables() -> Contract:
    """Return the contract with only the tables that audit, summary and readers use by name."""
    contract = load_contract()
    names = {
        *("forecasts", "forecast_totals", "forecast_horizon_totals", "forecast_runs"),
        *("model_versions", "backtest_scores", "generation_info", "stores_not_forecast"),
        "error_quantiles",
    }
    tables = tuple(table for table in contract.tables if table.name in names)
    return contract.model_copy(update={"tables": tables})


def tiny_warehouse(**tables: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """Yield a database in memory from which a generation can be written.

    Args:
        tables: Rows that replace the default ones, by table of schema ``forecasting``.
    """
    connection = duckdb.connect(config={"threads": 1})
    connection.execute((DDL_DIR / "02_forecasting.sql").read_text(encoding="utf-8"))
    declare(connection, "dim_store")
    stores = [
        {"store_id": store, "store_type": "a", "assortment": "c", "state": "HE"} for store in STORES
    ]
    fill(connection, "core.dim_store", stores)
    rows: dict[str, list[dict[str, Any]]] = {
        "forecasts": [
            forecast_row(origin, store, day)
            for origin in (OLDER, NEWEST)
            for store in STORES
            for day in range(1, HORIZON + 1)
        ],
        "forecast_runs": [run_row(f"run-{origin}", origin) for origin in (OLDER, NEWEST)],
        "model_versions": [model_row("m", recipe="{}", blend_weights="{}")],
        "backtest_scores": [score_row("blend", None, 0.1)],
        "error_quantiles": [
            {
                "forecast_origin": origin,
                "shape": shape,
                "level": level,
                "log_error": NormalDist().inv_cdf(level),
                "run_id": f"run-{origin}",
            }
            for origin in (OLDER, NEWEST)
            for shape in ("day", "group 0", "store 0")
            for level in LEVELS
        ],
        "total_intervals": [row for origin in (OLDER, NEWEST) for row in _intervals(origin)],
        **tables,
    }
    for table, listed in rows.items():
        fill(connection, f"forecasting.{table}", listed)
    build(connection, "stg_forecasts", "stg_total_intervals")
    build(connection, "forecast_totals", "forecast_horizon_totals", materialized="TABLE")
    return connection


def _intervals(origin: date) -> Iterator[dict[str, Any]]:
    """Return factors of every segment for the weekend and the week after a Friday, and both."""
    kinds = [("store_type", "a"), ("assortment", "c"), ("state", "HE")]
    for level, segment in [("chain", "all"), *kinds, ("store", "1"), ("store", "2")]:
        for first, last in ((1, 2), (3, 9), (1, 7), (1, 9)):
            yield {
                "forecast_origin": origin,
                "level": level,
                "segment": segment,
                "first_date": origin + timedelta(days=first),
                "last_date": origin + timedelta(days=last),
                **FACTORS,
                "error_scale": 0.25,
                "error_shape": "store 0" if level == "store" else "group 0",
                "run_id": f"run-{origin}",
            }


def write_tiny_generation(
    connection: duckdb.DuckDBPyConnection, path: Path, info: GenerationInfo | None = None
) -> dict[str, int]:
    """Write a generation's file with the product's writer.

    Args:
        connection: Connection from :func:`tiny_warehouse`.
        path: Path of the file.
        info: Row of ``generation_info``.

    Returns:
        Number of rows of each table, as the audit expects them.
    """
    draft = Draft(
        info=info or info_of(), oldest_origin=OLDER, archived_origins=(), model_versions=("m",)
    )
    return write_generation(connection, path, contract=few_tables(), draft=draft)


def write_bare_generation(path: Path, info: GenerationInfo, **tables: list[dict[str, Any]]) -> Path:
    """Write a file with ``generation_info`` and only the tables that a tested reader queries.

    Args:
        path: Path of the file.
        info: Row of ``generation_info``.
        tables: Rows of other tables or views, by name. All become tables, with the columns of the
            first row and the contract's types; without rows they have all columns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for name, rows in {"generation_info": [info.as_row()], **tables}.items():
            columns = ", ".join(
                f"{column.name} {column.type}"
                for column in load_contract().columns_of(name)
                if not rows or column.name in rows[0]
            )
            connection.execute(f"CREATE TABLE {name} ({columns})")
            fill(connection, name, rows)
    return path
