"""Variables of other tools do not change a run, and modules of other projects are refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.process import prepare, refuse_hidden_modules, refuse_unusable_text


@pytest.mark.parametrize(
    "name",
    [
        "DBT_TARGET",
        "DBT_FULL_REFRESH",
        "DBT_PROFILES_DIR",
        "DBT_ENGINE_TARGET",
        "MLFLOW_RUN_ID",
        "MLFLOW_EXPERIMENT_NAME",
        "MLFLOW_REGISTRY_URI",
        "GX_HOME",
        "POLARS_ENGINE_AFFINITY",
    ],
)
def test_variables_that_would_change_a_run_are_removed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "of another project")
    prepare()
    assert name not in os.environ


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000"),
        ("MLFLOW_TRACKING_TOKEN", "secret"),
        ("MLFLOW_BACKEND_STORE_URI", "postgresql://server"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("POLARS_MAX_THREADS", "1"),
        ("OMP_NUM_THREADS", "1"),
        ("DAGSTER_HOME", "/dagster"),
        ("DBT_SEND_ANONYMOUS_USAGE_STATS", "false"),
    ],
)
def test_addresses_credentials_and_limits_stay(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    prepare()
    assert os.environ[name] == value


def test_a_path_that_is_not_utf8_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["rossmann", "generations"])
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", "/tmp/\udce4")
    with pytest.raises(SettingsError, match=r"ROSSMANN_WAREHOUSE_DIR, .* is not UTF-8"):
        refuse_unusable_text()


def test_an_empty_argument_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rossmann", "data", "land", ""])  # of an unset variable
    with pytest.raises(SettingsError, match=r"^argument 3 is empty"):
        refuse_unusable_text()


@pytest.mark.parametrize("hidden", ["polars/__init__.py", "dbt/__init__.py", "json.py"])
def test_a_folder_that_hides_a_module_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hidden: str
) -> None:
    (tmp_path / hidden).parent.mkdir(exist_ok=True)
    (tmp_path / hidden).touch()
    monkeypatch.setenv("PYTHONPATH", f"{os.devnull}{os.pathsep}{tmp_path}")
    name = hidden.split("/", maxsplit=1)[0].removesuffix(".py")
    with pytest.raises(SettingsError, match=rf"{tmp_path}.* need.*: {name}\. Run .* -u PYTHONPATH"):
        refuse_hidden_modules()


def test_a_folder_with_modules_of_its_own_is_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "my_analysis.py").touch()
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    refuse_hidden_modules()
