"""A message about a setting names the environment variable as the user wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, load_settings


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
