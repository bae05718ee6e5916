"""Alerts that make a training due, and those that do not."""

from __future__ import annotations

from datetime import date

import pytest
from support.small_warehouse import change

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.monitoring.retraining_advice import advise_retraining
from rossmann_ml.warehouse import connection as warehouse

THREE_WEEKS_UNSEEN = (
    "UPDATE forecasting.model_versions SET trained_through = DATE '2015-07-10', "
    "created_at = TIMESTAMP '2015-07-13 06:00'"
)


def open_alert(
    rule: str = "drift", severity: str = "warning", raised_at: str = "2015-08-03"
) -> str:
    return (
        "INSERT INTO monitoring.alerts BY NAME SELECT * REPLACE "
        f"('{rule}-{severity}' AS alert_id, '{rule}' AS rule, 'features' AS subject, "
        f"'{severity}' AS severity, TIMESTAMP '{raised_at} 06:00' AS raised_at, "
        "NULL AS resolved_at) FROM monitoring.alerts WHERE alert_id = 'a1'"
    )


@pytest.fixture
def advised(small_warehouse: Settings, project_params: Params):
    """Run SQL statements, then return the advice."""

    def asked(*statements: str) -> str | None:
        for statement in statements:
            change(small_warehouse, statement, marts_follow=False)
        with warehouse.connect(small_warehouse) as connection:
            return advise_retraining(
                connection,
                project_params.monitoring.retraining,
                every_weeks=project_params.training.retrain_every_weeks,
            )

    return asked


@pytest.mark.parametrize("rule", ["accuracy", "coverage", "drift"])
def test_an_open_alert_that_is_newer_than_the_training_makes_one_due(advised, rule: str):
    assert advised(THREE_WEEKS_UNSEEN, open_alert(rule, "critical")) == (
        f"{rule} (features); the newest training has not seen the last 3 weeks of sales"
    )


@pytest.mark.parametrize(
    "alert",
    [
        open_alert("stale_data"),
        open_alert(severity="info"),
        open_alert(raised_at="2015-07-12"),
    ],
    ids=["another rule", "not urgent", "older than the training"],
)
def test_other_alerts_do_not_count(advised, alert: str):
    assert advised(THREE_WEEKS_UNSEEN, alert) is None


@pytest.mark.parametrize(("through", "is_asked"), [("2015-07-03", True), ("2015-07-04", False)])
def test_a_missed_training_of_the_calendar_is_due(advised, through: str, is_asked: bool):
    advice = advised(THREE_WEEKS_UNSEEN.replace("2015-07-10", through))
    if is_asked:
        assert advice == "the newest training has not seen the last 4 weeks of sales"
    else:
        assert advice is None


def test_a_resolved_alert_does_not_count(advised):
    over = "UPDATE monitoring.alerts SET resolved_at = TIMESTAMP '2015-08-03 07:00'"
    assert advised(THREE_WEEKS_UNSEEN, open_alert(), over) is None


@pytest.mark.parametrize(
    ("through", "is_asked"), [(date(2015, 7, 17), True), (date(2015, 7, 18), False)]
)
def test_no_training_is_due_before_enough_weeks_of_new_sales(
    advised, through: date, is_asked: bool
):
    trained = THREE_WEEKS_UNSEEN.replace("2015-07-10", str(through))
    assert (advised(trained, open_alert()) is not None) == is_asked


def test_a_refused_challenger_was_a_training_too(advised):
    refused = (
        "INSERT INTO forecasting.model_versions BY NAME SELECT * REPLACE ('refused' AS "
        "model_version, DATE '2015-07-31' AS trained_through, TIMESTAMP '2015-08-03 07:00' AS "
        "created_at) FROM forecasting.model_versions"
    )
    assert advised(THREE_WEEKS_UNSEEN, open_alert(), refused) is None


def test_before_the_first_training_none_is_due(advised):
    assert advised("DELETE FROM forecasting.model_versions", open_alert()) is None
