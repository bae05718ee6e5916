"""What `rossmann monitor` reads from the accuracy marts, and when it refuses.

Definition: the docstrings of accuracy.py. Scores are tested with the dbt models.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from support.drift_rows import core_in_memory, forecast, sale, stores
from support.memory_warehouse import let_sessions_open
from support.monitoring_rows import ORIGIN, insert

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import load_settings
from rossmann_ml.monitoring import accuracy
from rossmann_ml.monitoring.accuracy import AccuracyReport, measure_accuracy, read_accuracy
from rossmann_ml.warehouse.session import Session

TABLES = core_in_memory()


@pytest.fixture
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    TABLES.execute("BEGIN")
    TABLES.execute("CREATE TABLE marts.forecast_worst_days (ranked_by VARCHAR, reason VARCHAR)")
    stores(TABLES, s1="HE")
    yield TABLES
    TABLES.execute("ROLLBACK")


def week(number: int) -> date:
    return ORIGIN - timedelta(days=7 * number)


def test_vintages_are_those_of_the_whole_chain_newest_first(marts: duckdb.DuckDBPyConnection):
    for number, kind, model in (
        *((2, "served", "m"), (1, "shadow", "b"), (1, "shadow", "a"), (1, "served", "z")),
    ):
        row = {"forecast_origin": week(number), "forecast_kind": kind, "model_version": model}
        insert(marts, "marts.forecast_accuracy", **row)
    insert(marts, "marts.forecast_accuracy", segment_kind="state", segment="HE")
    report = read_accuracy(marts)
    columns = ("forecast_origin", "forecast_kind", "model_version")
    assert report.vintages.select(columns).rows() == [
        (week(1), "served", "z"),
        (week(1), "shadow", "a"),
        (week(1), "shadow", "b"),
        (week(2), "served", "m"),
    ]


def test_reasons_of_the_worst_days_are_counted_most_frequent_first(
    marts: duckdb.DuckDBPyConnection,
):
    ranked = [("eur", "holiday")] + [("relative", "unknown")] * 2
    ranked += [("relative", "holiday"), ("relative", "promo_changed"), ("relative", "holiday")]
    marts.executemany("INSERT INTO marts.forecast_worst_days VALUES (?, ?)", ranked)
    assert read_accuracy(marts).reasons.rows() == [
        ("relative", "holiday", 2),
        ("relative", "unknown", 2),
        ("relative", "promo_changed", 1),
        ("eur", "holiday", 1),
    ]


def test_the_newest_days_are_of_any_forecast_and_of_observed_sales(
    marts: duckdb.DuckDBPyConnection,
):
    nothing = read_accuracy(marts)
    assert (nothing.newest_origin, nothing.newest_sales_date) == (None, None)
    for number in (3, 1, 2):
        forecast(marts, week(number), ORIGIN)
        sale(marts, week(number))
    sale(marts, ORIGIN, is_observed=False)
    report = read_accuracy(marts)
    assert (report.newest_origin, report.newest_sales_date) == (week(1), week(1))


@pytest.fixture
def steps(marts: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the recorded steps on a warehouse in memory, with dbt replaced."""
    done: list[str] = []

    def read(connection: duckdb.DuckDBPyConnection) -> AccuracyReport:
        done.append("read")
        return read_accuracy(connection)

    let_sessions_open(monkeypatch, marts)
    monkeypatch.setattr(accuracy, "read_accuracy", read)
    monkeypatch.setattr(accuracy, "run_dbt", lambda *given: done.append(" ".join(given[1])))
    return done


def test_the_marts_are_built_between_checking_the_core_and_reading(
    marts: duckdb.DuckDBPyConnection, steps: list[str], project_params: Params, tmp_path: Path
):
    insert(marts, "marts.forecast_accuracy")
    report = measure_accuracy(Session(load_settings(warehouse_dir=tmp_path), project_params))
    assert len(report.vintages) == 1
    assert steps == ["run --selector accuracy", "read"]


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE core.fct_daily_sales",
        "ALTER TABLE core.fct_daily_sales RENAME TO fct_other",
    ],
)
def test_before_the_core_is_built_there_is_nothing_to_measure(
    marts: duckdb.DuckDBPyConnection,
    steps: list[str],
    project_params: Params,
    tmp_path: Path,
    change: str,
):
    marts.execute("CREATE TABLE core.other (x INTEGER)")
    marts.execute("CREATE TABLE marts.fct_daily_sales (x INTEGER)")
    marts.execute(change)
    with pytest.raises(NoDataError, match="has no sales to compare with yet: run `rossmann refr"):
        measure_accuracy(Session(load_settings(warehouse_dir=tmp_path), project_params))
    assert not steps
