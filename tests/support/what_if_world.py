"""Build a generation of four stores in memory, with a bundle that forecasts by a rule.

Tests of what-if forecasts read it instead of a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.serving.generations import GenerationInfo
from support.rule_bundle import TOTALS
from support.tiny_chain import ORIGIN, tiny_frames

STORES, WITHOUT_PLAN = (2, 5, 9), 12
HORIZON_DAYS, PLAN_DAYS = 8, 12
FIRST, LAST = ORIGIN + timedelta(days=1), ORIGIN + timedelta(days=HORIZON_DAYS)
DAYS = [ORIGIN + timedelta(days=number) for number in range(1, HORIZON_DAYS + 1)]
PARAMS = FeatureParams(half_lives_days=[60, 180], residual_windows_days=[7, 28])
PLAN_NAMES = ("is_open", "is_promo", "state_holiday", "is_school_holiday")
NAME = ":memory:what_if_world"
NOT_STORED = (5, DAYS[3])  # a gap in the stored forecasts


@dataclass
class RecordingBundle:
    """Bundle that forecasts by a rule over features of plan and history, and keeps its panels."""

    model_version: str = "rule-1"
    panels: list[pl.DataFrame] = field(default_factory=list)

    @property
    def total_calibration(self) -> TotalCalibration:
        return TOTALS

    @property
    def metadata(self) -> SimpleNamespace:
        return SimpleNamespace(feature_params=PARAMS.model_dump())

    def forecast(self, panel: pl.DataFrame, means: pl.DataFrame | None = None) -> pl.DataFrame:
        self.panels.append(panel)
        sales = np.exp(panel["base_log_sales"].cast(pl.Float64)) + panel["days_until_promo"]
        keys = panel.select("forecast_origin", "store_id", "target_date", "horizon_days", "is_open")
        return keys.with_columns(
            *(
                pl.when("is_open").then(sales * share).otherwise(0.0).alias(name)
                for name, share in (
                    ("sales_forecast", 1.0), ("lower_80", 0.9), ("upper_80", 1.1),
                    ("lower_95", 0.8), ("upper_95", 1.2), ("sales_median", 1.02),
                )
            ),
            error_scale=pl.when("is_open").then(0.1).otherwise(0.0),
            mean_departure=0.0,
        )  # fmt: skip


@cache
def frames() -> dict[str, pl.DataFrame]:
    """Return four stores, the last of which has no plan after the origin."""
    made = tiny_frames(
        3, store_ids=(*STORES, WITHOUT_PLAN), history_days=120, future_days=PLAN_DAYS
    )
    is_planned = (pl.col("store_id") != WITHOUT_PLAN) | (pl.col("plan_date") <= ORIGIN)
    return {**made, "plan": made["plan"].filter(is_planned)}


def publish(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of a generation that scenarios read."""
    info = GenerationInfo(
        "0123456789ab", datetime(2015, 3, 23), ORIGIN, HORIZON_DAYS, "data-1", "rule-1", "code-1",
        "commit-1", "run-1", "a test", True, date(2015, 3, 23), 1,
    )  # fmt: skip
    is_past = pl.col("plan_date") <= ORIGIN
    planned = pl.when(is_past).then(pl.lit("actual")).otherwise(
        pl.concat_str(pl.lit("source-"), "store_id")
    )  # fmt: skip
    stored = [
        {"store_id": store, "target_date": day, "sales_forecast": 1000.0 * store + day.day}
        for store in STORES for day in DAYS if (store, day) != NOT_STORED
    ]  # fmt: skip
    named = pl.DataFrame(stored).with_columns(
        pl.col("store_id").cast(pl.Int32),
        model_version=pl.lit("rule-1"),
    )
    tables = {
        "generation_info": pl.DataFrame([info.as_row()]),
        "daily_sales": frames()["history"].with_columns(is_observed=True),
        "store_plan": frames()["plan"].with_columns(plan_source=planned),
        "stores": frames()["stores"],
        "latest_forecasts": named,
        "mean_departures": named.select(
            pl.lit(ORIGIN).alias("forecast_origin"), "target_date", mean_departure=pl.lit(0.0)
        ).unique(),
    }
    for table, frame in tables.items():
        connection.register("rows_to_put", frame)
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM rows_to_put")
