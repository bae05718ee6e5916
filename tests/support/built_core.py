"""A warehouse that the true pipeline filled: the sample landed, core and marts built by dbt.

Its forecasts are the one thing made up: a level by store, for the newest origin and for one four
weeks before it, with drivers to match.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.features.driver_groups import PARTS
from rossmann_ml.ingest import land_raw
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.dbt import DbtResult, dbt_environment, dbt_variables, run_dbt
from rossmann_ml.warehouse.session import Session
from support.once import made_once

NEWEST_ORIGIN = date(2015, 6, 19)
PAST_ORIGIN = NEWEST_ORIGIN - timedelta(days=28)
PAST_KNOWN_BY = PAST_ORIGIN + timedelta(days=3)

_FORECASTS = """
    INSERT INTO forecasting.forecasts
    SELECT forecast_origin, store_id, plan_date, horizon_days, is_open,
        level, level * 0.8, level * 1.2, level * 0.6, level * 1.4, 'made-up', 'run-1', plan_source,
        level, 0.1
    FROM (
        SELECT *, is_open::INTEGER * (4000.125 + store_id + month(forecast_origin)) AS level
        FROM core.horizon_plan WHERE horizon_days <= 42
    )
"""

# as if only the promotion moved a day from the typical one
_DRIVERS = f"""
    INSERT INTO forecasting.forecast_drivers BY NAME
    SELECT forecast_origin, store_id, target_date, model_version, run_id,
        ln(sales_forecast) - 0.2 AS level_log, 0.2 AS promo_log,
        exp(level_log) AS level_eur, sales_forecast - level_eur AS promo_eur,
        {", ".join(f"0 AS {part}_log, 0 AS {part}_eur" for part in PARTS[1:] if part != "promo")}
    FROM forecasting.forecasts WHERE is_open
"""


@dataclass(frozen=True)
class BuiltWarehouse:
    """A built warehouse, and the copy it is put back to."""

    settings: Settings
    params: Params
    pristine: Path
    core_run: DbtResult
    marts_run: DbtResult

    def restore(self) -> None:
        shutil.copy(self.pristine, self.settings.database_path)

    def execute(self, *statements: str) -> None:
        with connect(self.settings) as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def run(self, *command: str, **options: object) -> DbtResult:
        return run_dbt(Session(self.settings, self.params), command, **options)  # type: ignore[arg-type]

    def outcomes(self) -> dict[str, str]:
        """Status by name of node, of the command that ran last."""
        target = Path(dbt_environment(self.settings)["DBT_TARGET_PATH"])
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
        return {result["unique_id"].split(".")[2]: result["status"] for result in results}


def _settings(place: Path, sample_dir: Path) -> Settings:
    (place / "incoming").mkdir(parents=True, exist_ok=True)
    return load_settings(
        raw_dir=sample_dir,
        incoming_dir=place / "incoming",
        warehouse_dir=place / "warehouse",
        state_dir=place / "state",
    )


def _build(place: Path, sample_dir: Path) -> tuple[DbtResult, DbtResult]:
    settings = _settings(place, sample_dir)
    params = load_params(settings.params_path)
    land_raw(Session(settings, params))
    past = dbt_variables(params, PAST_ORIGIN, PAST_KNOWN_BY)
    run_dbt(Session(settings, params), ["run", "--selector", "core"], variables=past)
    core_run = run_dbt(Session(settings, params), ["build", "--selector", "core"])
    with connect(settings) as connection:
        connection.execute(_FORECASTS)
        connection.execute(_DRIVERS)
    marts_run = run_dbt(Session(settings, params), ["build", "--selector", "marts"])
    return core_run, marts_run


@pytest.fixture(scope="session")
def built(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltWarehouse:
    """A copy of the built warehouse for this worker, whose tests put it back."""
    place, (core_run, marts_run) = made_once(
        tmp_path_factory, "built", lambda place: _build(place, sample_dir)
    )
    settings = _settings(place, sample_dir)
    pristine = place / "pristine.duckdb"
    shutil.copy(settings.database_path, pristine)
    return BuiltWarehouse(
        settings, load_params(settings.params_path), pristine, core_run, marts_run
    )


@pytest.fixture
def warehouse_of_this_test(built: BuiltWarehouse) -> Iterator[BuiltWarehouse]:
    """The built warehouse, put back afterwards."""
    yield built
    built.restore()
