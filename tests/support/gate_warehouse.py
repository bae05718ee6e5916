"""The pipeline's database in memory, with models to be judged and a registry that only listens."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.training.gate import Decision
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.connection import append_frame
from rossmann_ml.warehouse.schema import create_tables
from rossmann_ml.warehouse.session import Session
from support.evaluation_world import LAST_DAY, emptied, frames, small_params

RECIPE = RecipeKey("features", {"lightgbm": "a member"}, shrinkage=0.2)
_NUMBERS = itertools.count()
_NO_VERSIONS = """
    CREATE TABLE core.sales_versions (
        store_id INTEGER, sales_date DATE, sales DOUBLE, known_on DATE, superseded_on DATE
    )
"""


@dataclass
class Gate:
    """Holds models and what is decided of them.

    Attributes:
        settings: Of the database in memory.
        connection: To it.
        params: Its tolerances.
        aliases: What the registry was told, in order.
    """

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    params: Params = field(default_factory=small_params)
    aliases: list[str] = field(default_factory=list)

    def emptied(self) -> Gate:
        """The same without any model or decision, with the tolerances as they were."""
        emptied(self.connection)
        self.aliases.clear()
        self.params = small_params()
        return self

    def add_model(
        self,
        version: str,
        rmspe: Sequence[float] = (0.5,),
        naive: Sequence[float] | None = None,
        *,
        recipe: RecipeKey = RECIPE,
        registry_version: str | None = None,
        created_at: str = "2015-06-22",
        first_origin: int = 1,
    ) -> None:
        """Enter a model with its RMSPE and that of seasonal naive at every origin, newest first."""
        row = {
            "model_version": version, "family": "blend", "profile": "full",
            "recipe_hash": recipe.hash, "recipe": recipe.to_json(), "blend_weights": "{}",
            "trained_through": LAST_DAY, "data_version": "d", "code_version": "c",
            "git_commit": "g", "mlflow_run_id": "m", "training_rows": 100,
            "registry_version": f"no. {version}" if registry_version is None else registry_version,
            "rmspe_mean": 9.0, "rmspe_spread": 9.0, "rmspe_median": 9.0, "training_seconds": 1.0,
        }  # fmt: skip
        created = pl.lit(created_at).str.to_datetime()
        append_frame(
            self.connection,
            "forecasting.model_versions",
            pl.DataFrame([row]).with_columns(created_at=created),
        )
        origins = [
            LAST_DAY - timedelta(days=14 * number)
            for number in range(first_origin, first_origin + len(rmspe))
        ]
        by_model = {"blend": rmspe, "seasonal_naive": naive or [1.0] * len(rmspe)}
        scores = [
            self._score(version, model, origin, value)
            for model, values in by_model.items()
            for origin, value in zip(origins, values, strict=True)
        ]
        # what must not be looked at: all origins together, segments, other models
        scores += [self._score(version, model, None, 7.0) for model in by_model]
        scores += [self._score(version, "linear", origins[0], 7.0)]
        scores += [self._score(version, "blend", origins[0], 7.0, kind="state")]
        append_frame(
            self.connection,
            "forecasting.backtest_scores",
            pl.DataFrame(scores, schema_overrides={"forecast_origin": pl.Date}).with_columns(
                scored_at=created
            ),
        )

    def _score(
        self, version: str, model: str, origin: date | None, rmspe: float, kind: str = "overall"
    ) -> dict[str, object]:
        return {
            "model_version": version, "model": model, "forecast_origin": origin,
            "segment_kind": kind, "segment": "all", "store_days": 10, "rmspe": rmspe,
            "rmspe_median": rmspe, "rmse": 1.0, "mae": 1.0, "mape": 1.0, "wape": 1.0, "bias": 0.0,
            "origins": 1, "interval_origins": 0,
        }  # fmt: skip

    def add_core(self) -> None:
        """Make the core tables of a few stores, as dbt would, for the newest origin."""
        tables = frames()
        plan = tables["plan"]
        days = (pl.col("plan_date") - LAST_DAY).dt.total_days()
        core = {
            "fct_daily_sales": tables["history"].with_columns(is_observed=True),
            "store_plan": plan.filter(pl.col("plan_date") <= LAST_DAY),
            "horizon_plan": plan.filter(days > 0).with_columns(
                forecast_origin=LAST_DAY, horizon_days=days, plan_source=pl.lit("planned")
            ),
            "dim_store": tables["stores"],
        }
        self.connection.execute(f"CREATE SCHEMA core; {_NO_VERSIONS}")
        for name, frame in core.items():
            self.connection.register("made", frame)
            self.connection.execute(f"CREATE TABLE core.{name} AS SELECT * FROM made")

    def promote(self, version: str | None = None, actor: str = "a test") -> Decision:
        """Ask the gate."""
        return promotion.promote(
            Session(self.settings, self.params), model_version=version, actor=actor
        )

    def decisions(self, *columns: str) -> list[tuple[object, ...]]:
        """Columns of what was recorded, oldest first."""
        return self.connection.execute(
            f"SELECT {', '.join(columns)} FROM forecasting.promotions ORDER BY promotion_id"
        ).fetchall()

    def figures(self) -> dict[str, float | str]:
        """The figures of the newest decision."""
        recorded: dict[str, float | str] = json.loads(str(self.decisions("figures")[-1][0]))
        return recorded


@contextmanager
def open_gate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Gate]:
    """Open a gate whose database is in memory: a named one is the same for every connection.

    Args:
        monkeypatch: Puts the true database and registry back afterwards.
        folder: Where the writer's lock is.
    """
    name = f":memory:gate_{next(_NUMBERS)}"
    settings = load_settings(
        warehouse_dir=folder / "warehouse", state_dir=folder / "state", threads=1
    )

    def open_in_memory(settings: Settings, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(name)

    with duckdb.connect(name) as connection:
        create_tables(connection)
        gate = Gate(settings, connection)
        monkeypatch.setattr(warehouse, "open_as_it_is", open_in_memory)
        # every connection makes what is missing of the tables; here all are there
        monkeypatch.setattr(warehouse, "create_tables", lambda connection: None)
        monkeypatch.setattr(
            tracking, "set_champion", lambda settings, version: gate.aliases.append(version)
        )
        yield gate
