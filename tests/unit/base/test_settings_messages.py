"""A message about a setting names the environment variable as the user wrote it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.base.variables import mistyped_variables


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ROSSMANN_LOCK_TIMEOUT_SECONDS", "many"),
        ("ROSSMANN_THREADS", "many"),
        ("ROSSMANN_THREADS", "1000000000"),
        ("ROSSMANN_MEMORY_LIMIT_GB", "inf"),
        ("ROSSMANN_MEMORY_LIMIT_GB", "nan"),
        ("ROSSMANN_MEMORY_LIMIT_GB", "1e30"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f" {variable}='{value}': Input should be"):
        load_settings()


def test_a_variable_of_another_tool_keeps_its_name() -> None:
    with pytest.raises(SettingsError, match=" KAGGLE_KEY="):
        load_settings(KAGGLE_KEY=3)


def test_a_missing_parameter_is_told_without_the_others(
    tmp_path: Path,
) -> None:
    given = yaml.safe_load((PROJECT_DIR / "params.yaml").read_text())
    del given["forecast"]["horizon_days"]
    changed = tmp_path / "params.yaml"
    changed.write_text(yaml.safe_dump(given))
    with pytest.raises(SettingsError, match=r"params.yaml: forecast.horizon_days is missing$"):
        load_params(changed)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ROSSMANN_PARAMS_FILE", "/dev/zero", "a file of 1,000,000 bytes at most"),
        ("ROSSMANN_DAGSTER_FILE", "/dev", "a file of 1,000,000 bytes at most"),
        ("ROSSMANN_WAREHOUSE_DIR", "/dev/zero", "a folder"),
    ],
)
def test_a_path_to_another_kind_of_file_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}='{value}': expected {expected}"):
        load_settings()


def test_a_mistyped_variable_is_named_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("ROSSMANN_")]:
        monkeypatch.delenv(name)
    correct = ("ROSSMANN_WAREHOUSE_DIR", "ROSSMANN_ALERT_WEBHOOK")
    of_others = (
        "ROSSMANN_API_ALLOWED_HOSTS",
        "ROSSMANN_DAGSTER_DATABASE",
        "ROSSMANN_PIPELINE_HOST",
    )
    for name in (*correct, *of_others, "ROSSMANN_WAREHOSE_DIR", "ROSSMANN_ALERTS_WEBHOOK"):
        monkeypatch.setenv(name, "/tmp")
    assert mistyped_variables() == [
        "ROSSMANN_ALERTS_WEBHOOK is no setting and is ignored; did you mean "
        "ROSSMANN_ALERT_WEBHOOK?",
        "ROSSMANN_WAREHOSE_DIR is no setting and is ignored; did you mean ROSSMANN_WAREHOUSE_DIR?",
    ]
