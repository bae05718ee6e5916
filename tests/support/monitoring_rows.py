"""Build a warehouse in memory and rows of it, for tests of monitoring."""

from __future__ import annotations

from datetime import date, datetime

import duckdb

from rossmann_ml.base.params.alerts import AlertParams
from rossmann_ml.monitoring.alerts.findings import Situation
from rossmann_ml.warehouse.schema import create_tables
from support.loads import record_loads

ORIGIN = date(2015, 7, 31)
TODAY = date(2015, 8, 3)
STAMP = datetime(2015, 8, 3, 6, 0)

# as dbt builds it, with the columns that rules read
_MARTS = """
CREATE SCHEMA marts;
CREATE TABLE marts.forecast_accuracy (
    forecast_origin DATE, forecast_kind VARCHAR, model_version VARCHAR, segment_kind VARCHAR,
    segment VARCHAR, store_days BIGINT, days INTEGER, first_target_date DATE,
    last_target_date DATE, rmspe DOUBLE, mape DOUBLE, coverage_80 DOUBLE, coverage_95 DOUBLE
);
"""

_DEFAULTS: dict[str, dict[str, object]] = {
    "marts.forecast_accuracy": {
        "forecast_origin": ORIGIN, "forecast_kind": "served", "model_version": "champion",
        "segment_kind": "overall", "segment": "all", "store_days": 64, "days": 7,
        "last_target_date": date(2015, 8, 7), "rmspe": 0.25, "mape": 0.125,
        "coverage_80": 0.75, "coverage_95": 0.9375,
    },
    "forecasting.backtest_scores": {
        "model_version": "champion", "model": "blend", "forecast_origin": date(2015, 6, 19),
        "segment_kind": "overall", "segment": "all", "store_days": 64, "rmspe": 0.25,
        "rmspe_median": 0.25, "rmse": 1.0,
        "mae": 1.0, "mape": 0.125, "wape": 0.1, "bias": 0.0, "origins": 1, "interval_origins": 1,
        "scored_at": STAMP,
    },
    "forecasting.promotions": {
        "promotion_id": 1, "decided_at": STAMP, "action": "promoted", "model_version": "champion",
        "actor": "gate", "reason": "better", "figures": "{}", "is_alias_set": True,
    },
    "forecasting.model_versions": {
        "model_version": "champion", "family": "blend", "profile": "full", "recipe_hash": "r",
        "recipe": "{}", "blend_weights": "{}", "rmspe_median": 0.1,
        "trained_through": ORIGIN, "data_version": "d", "code_version": "c", "git_commit": "g",
        "mlflow_run_id": "m", "registry_version": "1", "training_rows": 1, "rmspe_mean": 0.1,
        "rmspe_spread": 0.01, "training_seconds": 1.0, "created_at": STAMP,
    },
    "forecasting.forecasts": {
        "forecast_origin": ORIGIN, "store_id": 1, "target_date": date(2015, 8, 1),
        "horizon_days": 1, "is_open": True, "sales_forecast": 5000.0,
        "lower_80": 4000.0, "upper_80": 6000.0, "lower_95": 3000.0, "upper_95": 7000.0,
        "model_version": "champion", "run_id": "run", "plan_source": "planned",
    },
    "forecasting.forecast_runs": {
        "run_id": "run", "run_kind": "weekly", "forecast_origin": ORIGIN, "known_by": TODAY,
        "model_version": "champion", "data_version": "d", "code_version": "c", "input_hash": "h",
        "git_commit": "g", "stores": 10, "store_days": 64, "assumed_store_days": 0,
        "stores_not_forecast": 0, "total_sales_forecast": 1.0,
        "total_sales_unbiased": 1.0, "started_at": STAMP,
        "finished_at": STAMP,
    },
    "forecasting.stores_not_forecast": {
        "forecast_origin": ORIGIN, "store_id": 1, "reason": "no plan",
    },
    "raw.sales": {
        "load_id": 1, "line_number": 2, "store": 1, "day_of_week": 5, "date": ORIGIN,
        "sales": 5000.0, "open": 1, "promo": 0, "state_holiday": "0", "school_holiday": 0,
        "known_on": TODAY,
    },
    "raw.plan": {
        "load_id": 1, "line_number": 2, "store": 1, "day_of_week": 5, "date": date(2015, 9, 5),
        "open": 1, "promo": 0, "state_holiday": "0", "school_holiday": 0, "known_on": TODAY,
    },
    "quality.data_quality_results": {
        "run_id": "run", "checked_at": STAMP, "tool": "great_expectations", "suite": "raw_sales",
        "table_name": "raw.sales", "column_name": "sales", "check_name": "not_null",
        "severity": "warning", "is_success": True, "observed": "3 rows", "expected": "none",
    },
    "monitoring.drift_metrics": {
        "run_id": "run", "forecast_origin": ORIGIN, "kind": "plan", "feature": "open_by_state",
        "method": "jensenshannon", "value": 0.25, "threshold": 0.5, "is_drifted": False,
        "current_from": ORIGIN, "current_to": ORIGIN, "computed_at": STAMP,
    },
    "monitoring.alerts": {
        "alert_id": "a1", "run_id": "run", "raised_at": STAMP, "raised_on": TODAY,
        "rule": "drift", "subject": "features", "severity": "warning", "owner": "forecasting",
        "message": "moved", "link": "http://dashboard", "last_seen_at": STAMP, "times_seen": 1,
        "is_notified": True, "due_at": STAMP, "cooldown_until_date": TODAY,
    },
}  # fmt: skip


def memory_warehouse() -> duckdb.DuckDBPyConnection:
    """Return an empty warehouse in memory, with the pipeline's tables and the accuracy mart."""
    connection = duckdb.connect(config={"threads": 1})
    create_tables(connection)
    connection.execute(_MARTS)
    record_loads(connection, [1])
    return connection


def insert(connection: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """Insert one row; other columns have the value of an ordinary week."""
    row = {**_DEFAULTS[table], **values}
    columns = ", ".join(f"${name} AS {name}" for name in row)
    connection.execute(f"INSERT INTO {table} BY NAME SELECT {columns}", row)


def alert_rules(**changes: dict[str, object]) -> AlertParams:
    """Return rules whose limits are exact floats, so that tests can use values at a limit."""

    def rule(severity: str = "warning", cooldown_days: int = 7, **limits: object):
        return {
            "severity": severity,
            "owner": "somebody",
            "cooldown_days": cooldown_days,
            "look_at": "monitoring",
            **limits,
        }

    window = {"window_days": 42, "min_days": 7}
    rules = {
        "accuracy": rule(**window, max_mape_ratio=1.75, max_segment_mape_ratio=3.5),
        "coverage": rule(**window, coverage_80=(0.625, 0.9375), coverage_95=(0.8125, 0.984375)),
        "drift": rule(),
        "input_data": rule(),
        "stale_data": rule(
            max_sales_age_days=9,
            min_plan_days_ahead=33,
            min_plan_coverage=0.9,
            max_assumed_share=0.0625,
        ),
        "failed_checks": rule(),
        "refresh_late": rule("critical", 1, max_origin_age_days=10),
        "stores_not_forecast": rule(max_share=0.125),
        "champion_old": rule("info", max_age_days=84),
        "failed_run": rule("critical", 1),
    }
    changed = {name: {**limits, **changes.get(name, {})} for name, limits in rules.items()}
    return AlertParams.model_validate({"send_from": "warning", **changed})


def situation(
    connection: duckdb.DuckDBPyConnection,
    *,
    today: date = TODAY,
    run_id: str = "run",
    params: AlertParams | None = None,
) -> Situation:
    """Return the input of a rule."""
    return Situation(connection, params or alert_rules(), today, run_id)
