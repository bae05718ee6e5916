"""``rossmann monitor`` prints accuracy in one table, or why there is none yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.small_warehouse import change, small_settings

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.cli import monitor
from rossmann_ml.monitoring import accuracy
from rossmann_ml.monitoring.accuracy import measure_accuracy
from rossmann_ml.warehouse.dbt import DbtResult
from rossmann_ml.warehouse.session import Session

_CORE = """
    CREATE SCHEMA IF NOT EXISTS core;
    CREATE OR REPLACE TABLE core.fct_daily_sales AS SELECT * FROM marts.daily_sales
"""


@pytest.fixture
def settings(small_warehouse: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return a warehouse with built accuracy marts, so that dbt is not needed."""
    change(small_warehouse, _CORE)

    def ran(*_: Any, **__: Any) -> DbtResult:
        return DbtResult(Path(), ())

    monkeypatch.setattr(accuracy, "run_dbt", ran)
    monkeypatch.setattr(monitor, "default_settings", lambda: small_warehouse)
    # drift is tested in test_drift.py
    monkeypatch.setattr(monitor, "show_drift", lambda console: console.print("drift"))
    return small_warehouse


def printed(monkeypatch: pytest.MonkeyPatch) -> str:
    console = Console(width=80, highlight=False, record=True, quiet=False)
    monkeypatch.setattr(monitor, "Console", lambda **_: console)
    monitor.monitor()
    return console.export_text()


def test_vintages_and_the_backtest_fit_into_eighty_columns(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(monkeypatch)
    assert "against sales up to 2015-07-31" in text
    lines = [line for line in text.splitlines() if line.startswith(("2015-0", "backtest"))]
    assert [line.split()[0] for line in lines] == [
        "2015-07-24", "2015-07-24", "2015-06-19", "backtest",
    ]  # fmt: skip
    assert "shadow" in lines[1]
    assert "0.1150" in lines[0]
    assert lines[-1].split() == ["backtest", "0.1150", "81.0%", "95.0%", "54.0%"]
    assert "…" not in text
    assert "refurbishment" in text
    assert text.splitlines()[-1].strip() == "drift"
    assert max(map(len, text.splitlines()[:12])) <= 80


def test_before_the_first_actuals_it_says_so_and_when_they_come(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(
        settings,
        "DELETE FROM marts.forecast_accuracy; DELETE FROM marts.forecast_worst_days",
        marts_follow=False,
    )
    text = printed(monkeypatch)
    assert "no forecast day has actual sales yet. The newest origin is 2015-07-31" in text
    change(settings, "DELETE FROM forecasting.forecasts", marts_follow=False)
    assert "there are no forecasts yet" in printed(monkeypatch)


def test_only_the_newest_vintages_are_printed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "_VINTAGES_SHOWN", 1)
    change(
        settings,
        "UPDATE marts.forecast_accuracy SET backtest_rmspe = NULL, backtest_coverage_80 = NULL",
        marts_follow=False,
    )
    text = printed(monkeypatch)
    assert "2 older vintages are in the table forecast_accuracy" in text
    assert "2015-06-19" not in text


def test_without_landed_sales_it_is_refused(tmp_path: Path, project_params: Params) -> None:
    with pytest.raises(NoDataError, match="no sales to compare with yet"):
        measure_accuracy(Session(small_settings(tmp_path), project_params))
