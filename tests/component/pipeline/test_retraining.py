"""``rossmann train`` and ``tune`` as commands: results, messages and errors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support.chain import small_params
from support.core_tables import core_warehouse

from rossmann_ml import cli
from rossmann_ml.base.errors import BusyError, NoDataError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.cli import models
from rossmann_ml.cli import tune as tune_command
from rossmann_ml.pipeline import retraining
from rossmann_ml.warehouse import session
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import registered_like

Command = Callable[..., tuple[int, str]]


def tiny_params() -> Params:
    loaded = small_params().model_dump()
    for profile in loaded["training"]["profiles"].values():
        for size in profile["models"].values():
            size["trees"] = 5
        profile["backtest_origins_back_days"] = [42, 84]
    loaded["tuning"] |= {"origins": 1}
    return Params.model_validate(loaded)


@pytest.fixture(scope="module")
def settings(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("training")
    params_file = folder / "params.yaml"
    params_file.write_text(
        yaml.safe_dump(tiny_params().model_dump(), sort_keys=False), encoding="utf-8"
    )
    filled = core_warehouse(folder, sample_dir)
    return filled.model_copy(update={"params_file": params_file})


@pytest.fixture
def rossmann(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run the command in this process; return its exit code and output."""
    for module in (models, tune_command):
        monkeypatch.setattr(module, "default_settings", lambda: settings)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["rossmann", *arguments])
        with pytest.raises(SystemExit) as done:
            cli.main()
        captured = capsys.readouterr()
        return int(done.value.code or 0), captured.out + captured.err

    return run


def count(settings: Settings, table: str) -> int:
    with connect(settings, read_only=True) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_train_makes_registers_and_promotes_a_model_and_a_second_time_nothing_new(
    settings: Settings, rossmann: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = rossmann("train", "--no-promote")
    assert code == 0, said
    assert "trained on" in said
    assert "weights   lightgbm 0." in said
    assert "backtest  RMSPE 0." in said
    assert "gate      not run; run `rossmann promote blend-20150619-" in said
    assert count(settings, "forecasting.promotions") == 0
    with connect(settings, read_only=True) as connection:
        ((version, registered),) = connection.execute(
            "SELECT model_version, registry_version FROM forecasting.model_versions"
        ).fetchall()
    assert registered == "1"
    with connect(settings, read_only=True) as connection:
        cursor = connection.execute(
            "SELECT recipe_hash, profile, data_version, code_version, trained_through "
            "FROM forecasting.model_versions"
        )
        names = [column[0] for column in cursor.description]
        inputs = dict(zip(names, cursor.fetchone(), strict=True))
        assert registered_like(connection, **inputs)[0] == version
        # a full training has the same recipe, and more past origins
        assert registered_like(connection, **inputs | {"profile": "full"}) is None

    # the training is complete: no part of it may run again
    for step in ("TRAINING_PANEL", "BACKTEST", "TRAIN"):
        monkeypatch.delattr(retraining, step)
    code, said = rossmann("train")
    assert code == 0, said
    assert f"{version} was trained before on" in said
    assert f"{version}: serves; first champion" in said
    code, said = rossmann("train")
    assert code == 0, said
    assert "it is the champion" in said
    assert count(settings, "forecasting.model_versions") == 1
    assert count(settings, "forecasting.promotions") == 1


def test_train_without_a_warehouse_or_during_another_write_is_refused(
    settings: Settings, rossmann: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rossmann("train", "--profile", "huge")[0] == 2
    nowhere = load_settings(warehouse_dir=tmp_path / "w", state_dir=tmp_path / "s")
    params = load_params(settings.params_path)
    with pytest.raises(NoDataError, match="rossmann refresh"):
        retraining.retrain(Session(nowhere, params), profile="fast", actor=None)
    assert not nowhere.database_path.exists()

    def held(_settings: Settings) -> None:
        raise BusyError("another writer is at work")

    monkeypatch.setattr(session, "writer_lock", held)
    code, said = rossmann("train")
    assert code == BusyError.exit_code
    assert "error: another writer is at work" in said


def test_tune_prints_todays_and_the_best_figure_and_the_lines_to_set(rossmann: Command) -> None:
    code, said = rossmann("tune", "--family", "lightgbm", "--trials", "3")
    assert code == 0, said
    assert "tuning on the origins" in said
    assert "lightgbm, profile fast: 3 trials, 3 of them now" in said
    assert "num_leaves" in said
    better = "put these lines into params.yaml" in said
    assert better or "No better parameters" in said
    if better:
        lines = said[said.index("training:\n") : said.index("Then `rossmann train`")]
        assert set(yaml.safe_load(lines)["training"]) == {"profiles", "families"}
    code, said = rossmann("tune", "--family", "prophet")
    assert code == 2
    assert "error: 'prophet' is not a model family" in said
