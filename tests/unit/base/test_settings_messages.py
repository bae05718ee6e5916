"""A message about a setting names the environment variable as the user wrote it."""

from __future__ import annotations

import pytest

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import load_settings


@pytest.mark.parametrize("variable", ["ROSSMANN_LOCK_TIMEOUT_SECONDS", "ROSSMANN_THREADS"])
def test_a_wrong_value_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "many")
    with pytest.raises(SettingsError, match=f" {variable}='many'"):
        load_settings()


def test_a_variable_of_another_tool_keeps_its_name() -> None:
    with pytest.raises(SettingsError, match=" KAGGLE_KEY="):
        load_settings(KAGGLE_KEY=3)
