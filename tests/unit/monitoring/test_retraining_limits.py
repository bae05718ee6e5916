"""Advice to train, at the limits of weeks, alerts and times.

Definition: the docstring of ``advise_retraining`` and docs/alerts.md (Training on request).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import duckdb
import pytest
from support.monitoring_rows import ORIGIN, insert, memory_warehouse

from rossmann_ml.base.params.alerts import RetrainingParams
from rossmann_ml.monitoring.retraining_advice import advise_retraining

TABLES = memory_warehouse()
PARAMS = RetrainingParams(rules=["drift", "coverage"], min_weeks=2)
TRAINED = datetime(2015, 7, 13, 6)
LATER = TRAINED + timedelta(microseconds=1)


@pytest.fixture
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a warehouse with forecasts."""
    TABLES.execute("BEGIN")
    insert(TABLES, "forecasting.forecasts", forecast_origin=ORIGIN - timedelta(days=7))
    insert(TABLES, "forecasting.forecasts", forecast_origin=ORIGIN)
    yield TABLES
    TABLES.execute("ROLLBACK")


def trained(tables: duckdb.DuckDBPyConnection, days_ago: int, **values: object) -> None:
    """Record a training on sales up to a number of days before the newest origin."""
    through = ORIGIN - timedelta(days=days_ago)
    row = {"trained_through": through, "created_at": TRAINED, "model_version": f"m{days_ago}"}
    insert(tables, "forecasting.model_versions", **{**row, **values})


def advice(tables: duckdb.DuckDBPyConnection) -> str | None:
    return advise_retraining(tables, PARAMS, every_weeks=4)


def raised(tables: duckdb.DuckDBPyConnection, **values: object) -> None:
    insert(tables, "monitoring.alerts", **{"raised_at": LATER, **values})


@pytest.mark.parametrize(
    ("days_ago", "weeks"), [(0, None), (27, None), (28, 4), (34, 4), (35, 5), (70, 10)]
)
def test_a_missed_training_of_the_calendar_is_advised_after_four_whole_weeks(
    tables: duckdb.DuckDBPyConnection, days_ago: int, weeks: int | None
):
    trained(tables, days_ago)
    assert advice(tables) == (
        f"the newest training has not seen the last {weeks} weeks of sales" if weeks else None
    )


@pytest.mark.parametrize(
    ("days_ago", "weeks"), [(0, None), (7, None), (13, None), (14, 2), (20, 2), (21, 3), (27, 3)]
)
def test_an_alert_counts_from_two_whole_weeks_on(
    tables: duckdb.DuckDBPyConnection, days_ago: int, weeks: int | None
):
    trained(tables, days_ago)
    raised(tables)
    assert advice(tables) == (
        f"drift (features); the newest training has not seen the last {weeks} weeks of sales"
        if weeks
        else None
    )


@pytest.mark.parametrize(
    ("values", "is_asked"),
    [
        ({"severity": "warning"}, True),
        ({"severity": "critical"}, True),
        ({"severity": "info"}, False),
        ({"rule": "coverage"}, True),
        ({"rule": "accuracy"}, False),  # not among the rules that count
        ({"raised_at": TRAINED}, False),  # raised before the training
        ({"raised_at": TRAINED - timedelta(days=1)}, False),
        ({"resolved_at": LATER}, False),
    ],
)
def test_an_open_warning_newer_than_the_training_counts(
    tables: duckdb.DuckDBPyConnection, values: dict[str, object], is_asked: bool
):
    trained(tables, 21)
    raised(tables, **values)
    assert (advice(tables) is not None) == is_asked


def test_all_alerts_that_count_are_named_oldest_first(tables: duckdb.DuckDBPyConnection):
    trained(tables, 21)
    raised(tables, alert_id="a", rule="drift", subject="sales")
    raised(tables, alert_id="b", rule="drift", subject="plan")
    raised(tables, alert_id="c", rule="coverage", subject="80% interval")
    raised(tables, alert_id="d", raised_at=TRAINED + timedelta(hours=1), rule="coverage")
    assert advice(tables) == (
        "coverage (80% interval), drift (plan), drift (sales), coverage (features); the newest "
        "training has not seen the last 3 weeks of sales"
    )


def test_the_training_with_the_newest_sales_counts_and_its_time(
    tables: duckdb.DuckDBPyConnection,
):
    trained(tables, 28, created_at=LATER + timedelta(days=9))
    trained(tables, 21)
    raised(tables)
    assert advice(tables) is not None
    trained(tables, 20, created_at=LATER)
    assert advice(tables) is None


def test_a_rule_of_two_words_is_named_in_words(tables: duckdb.DuckDBPyConnection):
    trained(tables, 14)
    raised(tables, rule="stale_data", subject="plan")
    asked = RetrainingParams(rules=["stale_data"], min_weeks=2)
    assert advise_retraining(tables, asked, every_weeks=4) == (
        "stale data (plan); the newest training has not seen the last 2 weeks of sales"
    )


def test_without_a_training_or_a_forecast_there_is_no_advice(tables: duckdb.DuckDBPyConnection):
    raised(tables)
    assert advice(tables) is None
    trained(tables, 100)
    assert advice(tables) is not None
    tables.execute("DELETE FROM forecasting.forecasts")
    assert advice(tables) is None


def test_a_training_on_sales_after_the_newest_origin_leaves_no_new_sales(
    tables: duckdb.DuckDBPyConnection,
):
    insert(tables, "forecasting.model_versions", trained_through=date(2015, 8, 30))
    raised(tables, raised_at=datetime(2016, 1, 1))
    assert advice(tables) is None
