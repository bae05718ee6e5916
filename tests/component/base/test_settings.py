"""Settings, parameters, the warehouse's connection and its writer lock."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from rossmann_ml.base.errors import BusyError, NoDataError, SettingsError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings, load_settings
from rossmann_ml.models.families import family_names
from rossmann_ml.warehouse.connection import (
    connect,
    lock_owner,
    one_row,
    transaction,
    writer_lock,
)

HOLD_THE_LOCK = """
import sys, time
from pathlib import Path
from rossmann_ml.base.settings import load_settings
from rossmann_ml.warehouse.connection import connect, writer_lock
settings = load_settings(warehouse_dir=Path(sys.argv[1]))
with writer_lock(settings), connect(settings):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        warehouse_dir=tmp_path / "warehouse", state_dir=tmp_path / "state", lock_timeout_seconds=0.1
    )


def test_the_environment_decides_and_relative_paths_count_from_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROSSMANN_HOME", str(tmp_path))
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", "elsewhere")
    monkeypatch.setenv("ROSSMANN_AS_OF", "2015-06-22")
    monkeypatch.setenv("ROSSMANN_RAW_DIR", "")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    settings = load_settings()
    assert settings.database_path == tmp_path / "elsewhere" / "rossmann.duckdb"
    assert settings.as_of == date(2015, 6, 22)
    assert settings.raw_path == tmp_path / "data" / "sample"
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/.state/mlflow/mlflow.db"
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "raw" / "train.csv").touch()
    assert load_settings().raw_path == tmp_path / "data" / "raw"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert load_settings().tracking_uri == "http://127.0.0.1:5000"


def test_a_setting_that_cannot_be_used_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROSSMANN_THREADS", "many")
    with pytest.raises(SettingsError, match="ROSSMANN_THREADS='many'"):
        load_settings()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"forecast": {"horizon_days": 0}}, "forecast.horizon_days = 0"),
        ({"forecast": {"horizon": 42}}, "forecast.horizon = 42"),
        ({"gate": {"refit_tolerance": "some"}}, "gate.refit_tolerance = 'some'"),
        (
            {"tuning": {"families": {"lightgbm": {"num_leafs": {"low": 1, "high": 9}}}}},
            "yaml: Value error, tuning.families.lightgbm: num_leafs has no current value; expected",
        ),
        (
            {"training": {"families": {"lightgbm": {}, "prophet": {}}}},
            "yaml: Value error, training.families: prophet: no such model family; expected some of "
            + ", ".join(family_names()),
        ),
        (
            {"training": {"families": {"xgboost": {}, "catboost": {}}}},
            "training.profiles.fast.models: lightgbm: no such model family; expected some of "
            "xgboost, catboost",
        ),
        (
            {"tuning": {"families": {"prophet": {"trees": {"low": 1, "high": 9}}}}},
            "tuning.families: prophet: no such model family; expected some of lightgbm, xgboost, "
            "catboost",
        ),
        (
            {"tuning": {"families": {"xgboost": {"max_depth": {"low": 9, "high": 9}}}}},
            "low 9 is not below high 9",
        ),
        (
            {
                "tuning": {
                    "families": {"xgboost": {"reg_lambda": {"low": 0, "high": 9, "log": True}}}
                }
            },
            "expected more than 0 where log is true",
        ),
    ],
)
def test_a_wrong_parameter_is_named_with_file_and_value(
    tmp_path: Path, change: dict, message: str
) -> None:
    loaded = load_params(PROJECT_DIR / "params.yaml").model_dump()
    for group, values in change.items():
        loaded[group] |= values
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(loaded, sort_keys=False))
    with pytest.raises(SettingsError) as refusal:
        load_params(path)
    assert str(path) in str(refusal.value)
    assert message in str(refusal.value)


def test_a_parameter_file_that_is_missing_or_not_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not there"):
        load_params(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(SettingsError, match="not readable as YAML"):
        load_params(tmp_path / "broken.yaml")


def test_reading_a_warehouse_that_is_not_there_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(NoDataError, match="rossmann refresh"), connect(settings, read_only=True):
        pass


def test_a_failed_transaction_is_rolled_back(settings: Settings) -> None:
    def failing() -> None:
        with connect(settings) as connection, transaction(connection):
            connection.execute("CREATE TABLE half AS SELECT 1 AS a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    with connect(settings) as connection:
        assert one_row(connection, "FROM duckdb_tables() WHERE table_name = 'half'") is None


def test_the_writer_lock_is_reentrant(settings: Settings) -> None:
    with writer_lock(settings), writer_lock(settings):
        pass
    with writer_lock(settings):
        pass
    assert not list(settings.warehouse_path.glob("*.owner"))


def test_a_second_writer_names_the_first_and_continues_when_that_one_dies(
    settings: Settings,
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(settings.warehouse_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=str(other.pid)), writer_lock(settings):
            pass
        settings.lock_path.unlink()  # a person believes that the lock is left over
        with pytest.raises(BusyError, match=str(other.pid)), writer_lock(settings):
            pass
        assert str(other.pid) in str(lock_owner(settings))
        with (
            pytest.raises(BusyError, match=rf"is open in process {other.pid} "),
            connect(settings),
        ):
            pass
    finally:
        other.kill()
        other.communicate()
    with writer_lock(settings), connect(settings):
        pass
