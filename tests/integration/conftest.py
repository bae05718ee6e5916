"""Places that tests take copies of: one refreshed by the whole weekly chain, one with a model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from support.built_core import BuiltWarehouse
from support.chain import small_params
from support.code_location import place_settings
from support.once import made_once
from support.refreshed import Refreshed
from support.trained_chain import Chain

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.features.panels import build_training_panel
from rossmann_ml.training import fit as training
from rossmann_ml.training.model_records import TrainingReport
from rossmann_ml.training.registry_files import adopt_artifacts
from rossmann_ml.training.tracking import EXPERIMENT
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session


@pytest.fixture(scope="session")
def refreshed(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Refreshed:
    """The place after the first refresh; tests may look at it and must not change it."""

    def make(folder: Path) -> None:
        place = Refreshed(folder, place_settings(folder, sample_dir))
        result, undone = place.run("weekly_refresh_with_training")
        assert result.success
        assert undone == []

    folder, _ = made_once(tmp_path_factory, "refreshed", make)
    return Refreshed(folder, place_settings(folder, sample_dir))


@pytest.fixture
def copy_of_refreshed(refreshed: Refreshed, tmp_path: Path) -> Callable[[], Refreshed]:
    """Make copies of the refreshed place that a test may change."""
    numbers = count(1)

    def copy() -> Refreshed:
        folder = tmp_path / f"copy_{next(numbers)}"
        shutil.copytree(refreshed.folder, folder)
        settings = place_settings(folder, refreshed.settings.raw_dir)
        adopt_artifacts(settings, EXPERIMENT)
        return Refreshed(folder, settings)

    return copy


def _chain_settings(folder: Path, raw_dir: Path | None) -> Settings:
    (folder / "incoming").mkdir(parents=True, exist_ok=True)
    return load_settings(
        raw_dir=raw_dir,
        incoming_dir=folder / "incoming",
        warehouse_dir=folder / "warehouse",
        state_dir=folder / "state",
        threads=1,
    )


@pytest.fixture(scope="session")
def trained_once(
    built: BuiltWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Chain]:
    """A folder with a trained model, for the files of tests to copy."""
    params = small_params()

    def make(place: Path) -> TrainingReport:
        (place / "warehouse").mkdir()
        shutil.copy(built.pristine, place / "warehouse" / "rossmann.duckdb")
        settings = _chain_settings(place, built.settings.raw_dir)
        with connect(settings) as connection:
            connection.execute("DELETE FROM forecasting.forecasts")
            connection.execute("DELETE FROM core.horizon_plan WHERE forecast_origin < '2015-06-19'")
        build_training_panel(Session(settings, params), profile="fast")
        training.run_backtest(Session(settings, params), profile="fast")
        report = training.train_challenger(Session(settings, params), profile="fast")
        with connect(settings) as connection:
            connection.execute(
                "CREATE TABLE main.models_as_trained AS FROM forecasting.model_versions"
            )
        return report

    place, report = made_once(tmp_path_factory, "chain", make)
    return place, Chain(_chain_settings(place, built.settings.raw_dir), params, report)


@pytest.fixture(scope="module")
def trained(trained_once: tuple[Path, Chain], tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A copy of it that the tests of one file share."""
    place, once = trained_once
    folder = tmp_path_factory.mktemp("chain_copy") / "place"
    shutil.copytree(place, folder)
    settings = _chain_settings(folder, once.settings.raw_dir)
    return Chain(settings, once.params, once.trained)


@pytest.fixture
def chain(trained: Chain) -> Chain:
    """The same, with no decision and no forecast made."""
    with connect(trained.settings) as connection:
        for table in ("promotions", "forecasts", "forecast_history", "forecast_runs"):
            connection.execute(f"DELETE FROM forecasting.{table}")
        connection.execute("DELETE FROM forecasting.model_versions")
        connection.execute(
            "DELETE FROM forecasting.backtest_scores WHERE model_version <> ?",
            [trained.trained.model_version],
        )
        connection.execute(
            "INSERT INTO forecasting.model_versions BY NAME FROM main.models_as_trained"
        )
    return trained
