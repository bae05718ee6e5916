"""Advice to train outside the calendar, at every limit.

Definition: the docstring of ``advise_retraining``: an open alert of the given rules, at least a
warning, raised after the newest training, with enough weeks of new sales; or a missed training of
the calendar.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import duckdb
import pytest
from support.evaluation_world import memory_database

from rossmann_ml.base.params.alerts import RetrainingParams
from rossmann_ml.monitoring.retraining_advice import advise_retraining

PARAMS = RetrainingParams(rules=["accuracy", "drift"], min_weeks=2)
ORIGIN = date(2015, 7, 31)
TRAINED_AT = datetime(2015, 7, 13, 6)
UNSEEN = "the newest training has not seen the last {} weeks of sales"


class Situation:
    """Newest training, forecasts and alerts of a warehouse."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def trained(self, through: date, created_at: datetime = TRAINED_AT) -> None:
        self.connection.execute(
            """
            INSERT INTO forecasting.model_versions BY NAME
            SELECT 'of ' || $through AS model_version, 'blend' AS family, 'full' AS profile,
                'r' AS recipe_hash, '{}' AS recipe, '{}' AS blend_weights,
                $through AS trained_through, 'd' AS data_version, 'c' AS code_version,
                'g' AS git_commit, 'm' AS mlflow_run_id,
                '1' AS registry_version, 1 AS training_rows, 0.1 AS rmspe_median, 0.1 AS rmspe_mean,
                0.1 AS rmspe_spread, 1 AS training_seconds, $created_at AS created_at
            """,
            {"through": through, "created_at": created_at},
        )

    def forecast(self, origin: date = ORIGIN) -> None:
        self.connection.execute(
            "INSERT INTO forecasting.forecasts SELECT $origin, 1, $origin + 1, 1, "
            "true, 1, 1, 1, 1, 1, 'm', 'r', 'planned', 1, 1",
            {"origin": origin},
        )

    def alert(
        self,
        rule: str = "drift",
        subject: str = "features",
        *,
        severity: str = "warning",
        raised_at: datetime = TRAINED_AT + timedelta(days=1),
        resolved_at: datetime | None = None,
    ) -> None:
        self.connection.execute(
            """
            INSERT INTO monitoring.alerts BY NAME
            SELECT $rule || $subject AS alert_id, 'r' AS run_id, $raised_at AS raised_at,
                $raised_at::DATE AS raised_on, $rule AS rule, $subject AS subject,
                $severity AS severity, 'o' AS owner, 'm' AS message, 'l' AS link,
                $raised_at AS last_seen_at, 1 AS times_seen, true AS is_notified,
                $raised_at AS due_at, $raised_at::DATE AS cooldown_until_date,
                $resolved_at AS resolved_at
            """,
            {
                "rule": rule, "subject": subject, "severity": severity, "raised_at": raised_at,
                "resolved_at": resolved_at,
            },
        )  # fmt: skip

    def advice(self, every_weeks: int = 4) -> str | None:
        return advise_retraining(self.connection, PARAMS, every_weeks=every_weeks)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_database() as connection:
        yield connection


@pytest.fixture
def now(database: duckdb.DuckDBPyConnection) -> Situation:
    for table in ("forecasting.model_versions", "forecasting.forecasts", "monitoring.alerts"):
        database.execute(f"DELETE FROM {table}")
    return Situation(database)


def days_before(days: int) -> date:
    return ORIGIN - timedelta(days=days)


@pytest.mark.parametrize(("days", "weeks"), [(27, None), (28, 4), (34, 4), (35, 5)])
def test_a_missed_training_of_the_calendar_is_advised(
    now: Situation, days: int, weeks: int | None
) -> None:
    now.forecast()
    now.trained(days_before(days))
    assert now.advice() == (None if weeks is None else UNSEEN.format(weeks))


@pytest.mark.parametrize(("days", "weeks"), [(13, None), (14, 2), (20, 2), (21, 3), (27, 3)])
def test_an_alert_counts_once_two_whole_weeks_of_sales_are_new(
    now: Situation, days: int, weeks: int | None
) -> None:
    now.forecast()
    now.trained(days_before(days))
    now.alert()
    expected = None if weeks is None else f"drift (features); {UNSEEN.format(weeks)}"
    assert now.advice() == expected


@pytest.mark.parametrize(
    ("alert", "asks"),
    [
        ({"severity": "critical"}, True),
        ({"severity": "info"}, False),
        ({"rule": "coverage"}, False),
        ({"raised_at": TRAINED_AT}, False),
        ({"raised_at": TRAINED_AT + timedelta(seconds=1)}, True),
        ({"resolved_at": TRAINED_AT + timedelta(days=2)}, False),
    ],
    ids=["critical", "info", "another rule", "with the training", "a second later", "over"],
)
def test_only_open_alerts_of_the_rules_raised_after_the_training_count(
    now: Situation, alert: dict, asks: bool
) -> None:
    now.forecast()
    now.trained(days_before(14))
    now.alert(**alert)
    assert (now.advice() is not None) == asks


def test_all_alerts_are_named_oldest_first(now: Situation) -> None:
    now.forecast()
    now.trained(days_before(14))
    later = TRAINED_AT + timedelta(days=3)
    now.alert("drift", "sales", raised_at=later)
    now.alert("drift", "features", raised_at=later)
    now.alert("accuracy", "state BY", raised_at=later)
    now.alert("drift", "plan")
    assert now.advice() == (
        "drift (plan), accuracy (state BY), drift (features), drift (sales); " + UNSEEN.format(2)
    )


def test_rules_are_named_in_words(now: Situation) -> None:
    now.forecast()
    now.trained(days_before(14))
    now.alert("stale_data", "sales")
    params = RetrainingParams(rules=["stale_data"], min_weeks=2)
    said = advise_retraining(now.connection, params, every_weeks=4)
    assert said == f"stale data (sales); {UNSEEN.format(2)}"


def test_the_training_with_the_newest_data_and_the_newest_origin_count(now: Situation) -> None:
    now.forecast(days_before(28))
    now.forecast()
    now.trained(days_before(70), created_at=TRAINED_AT + timedelta(days=9))  # a model of the past
    now.trained(days_before(14))
    now.alert()
    assert now.advice() == f"drift (features); {UNSEEN.format(2)}"


def test_nothing_is_advised_before_the_first_training_or_forecast(now: Situation) -> None:
    assert now.advice() is None
    now.alert()
    now.forecast()
    assert now.advice() is None
    now.connection.execute("DELETE FROM forecasting.forecasts")
    now.trained(days_before(70))
    assert now.advice() is None
