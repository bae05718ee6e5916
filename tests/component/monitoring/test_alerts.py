"""An alert's life: raised, seen again, sent, reminded, resolved, raised again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from support.receivers import listening_mailbox, listening_webhook
from support.servers import free_port
from support.small_warehouse import change

from rossmann_ml.base.errors import HeldError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.monitoring.alerts import delivery
from rossmann_ml.monitoring.alerts.watch import AlertReport, watch
from rossmann_ml.pipeline.steps import Run
from rossmann_ml.pipeline.watched_publish import watch_and_publish
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.status import FailedRun, read_status, resolve_failure, write_status
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session

MONDAY = date(2015, 8, 3)
NO_PLAN = "DELETE FROM raw.plan WHERE date > DATE '2015-08-20'"
A_PLAN = (
    "INSERT INTO raw.plan SELECT * REPLACE (DATE '2016-01-01' AS date) FROM raw.plan "
    "WHERE date = DATE '2015-08-20'"
)

Watching = Callable[..., AlertReport]

PUBLISHING_RUN = Run("r", "a test", is_publishing=True)


@pytest.fixture
def quiet_warehouse(small_warehouse: Settings) -> Settings:
    """Return the small warehouse without its built-in findings and alerts."""
    change(
        small_warehouse,
        "DELETE FROM monitoring.alerts; DELETE FROM monitoring.drift_metrics;"
        "DELETE FROM quality.data_quality_results;"
        "DELETE FROM forecasting.stores_not_forecast;"
        "UPDATE marts.forecast_accuracy SET coverage_80 = 0.8, coverage_95 = 0.95",
        marts_follow=False,
    )
    return small_warehouse


@pytest.fixture
def watching(quiet_warehouse: Settings, project_params: Params) -> Watching:
    """Run SQL statements, then evaluate the rules as of a day."""
    runs = iter(range(1, 100))

    def watched(*statements: str, today: date = MONDAY, **options: Any) -> AlertReport:
        for statement in statements:
            change(quiet_warehouse, statement, marts_follow=False)
        settings = quiet_warehouse.model_copy(update={"as_of": today})
        return watch(Session(settings, project_params), run_id=f"weekly-{next(runs)}", **options)

    return watched


def rows(settings: Settings, table: str = "alerts") -> list[dict[str, Any]]:
    with warehouse.connect(settings, read_only=True) as connection:
        return warehouse.read_frame(
            connection, f"SELECT * FROM monitoring.{table} ORDER BY ALL"
        ).to_dicts()


def row(settings: Settings) -> dict[str, Any]:
    (found,) = rows(settings)
    return found


def test_without_findings_no_row_is_written(watching: Watching, quiet_warehouse: Settings):
    report = watching()
    assert report.open == ()
    assert report.summary() == "0 open, 0 new, 0 resolved"
    assert report.unjudged == ("input_data", "drift", "failed_checks")
    assert rows(quiet_warehouse) == []


def test_a_finding_becomes_a_row_with_all_details(watching: Watching, quiet_warehouse: Settings):
    report = watching(NO_PLAN)
    assert report.raised == 1
    assert report.summary() == "1 open (1 warning), 1 new, 0 resolved"
    alert = row(quiet_warehouse)
    assert (alert["rule"], alert["subject"], alert["severity"]) == (
        *("stale_data", "plan", "warning"),
    )
    assert (alert["run_id"], alert["owner"], alert["raised_on"]) == (
        *("weekly-1", "data-supply", MONDAY),
    )
    assert (alert["value"], alert["threshold"]) == (17, 33)
    assert alert["link"] == "http://127.0.0.1:8501/quality"
    assert alert["cooldown_until_date"] == MONDAY + timedelta(days=7)
    assert alert["resolved_at"] is None
    assert "17 days after 2015-08-03" in alert["message"]


def test_while_an_alert_lasts_it_is_one_row_with_the_newest_figures(
    watching: Watching, quiet_warehouse: Settings
):
    watching(NO_PLAN)
    report = watching(today=MONDAY + timedelta(days=2))
    assert report.raised == 0
    alert = row(quiet_warehouse)
    assert (alert["times_seen"], alert["value"], alert["run_id"]) == (2, 15, "weekly-1")
    assert "15 days after 2015-08-05" in alert["message"]
    assert alert["last_seen_at"] > alert["raised_at"]


def test_an_alert_is_resolved_when_its_condition_ends(
    watching: Watching, quiet_warehouse: Settings
):
    watching(NO_PLAN)
    report = watching(A_PLAN)
    assert (report.open, report.resolved) == ((), 1)
    assert row(quiet_warehouse)["resolved_at"] is not None
    assert watching().resolved == 0


def test_an_alert_that_returns_within_the_cooldown_is_the_same_row(
    watching: Watching, quiet_warehouse: Settings
):
    watching(NO_PLAN)
    watching(A_PLAN)
    report = watching(
        "DELETE FROM raw.plan WHERE date = DATE '2016-01-01'", today=MONDAY + timedelta(days=3)
    )
    assert report.raised == 0
    alert = row(quiet_warehouse)
    assert (alert["times_seen"], alert["resolved_at"]) == (2, None)


def test_an_alert_that_returns_after_the_cooldown_is_another_alert(
    watching: Watching, quiet_warehouse: Settings
):
    watching(NO_PLAN)
    watching(A_PLAN)
    report = watching(
        "DELETE FROM raw.plan WHERE date = DATE '2016-01-01'", today=MONDAY + timedelta(days=8)
    )
    assert report.raised >= 1
    plans = [each for each in rows(quiet_warehouse) if each["subject"] == "plan"]
    assert len({each["alert_id"] for each in plans}) == 2


def test_a_rule_without_data_leaves_its_alerts_open(watching: Watching, quiet_warehouse: Settings):
    watching("UPDATE marts.forecast_accuracy SET mape = 0.5")
    report = watching("DROP TABLE marts.forecast_accuracy")
    assert "accuracy" in report.unjudged
    assert [each.rule for each in report.open] == ["accuracy"]


def test_readers_see_open_alerts_although_nothing_was_published(
    watching: Watching, quiet_warehouse: Settings
):
    watching(NO_PLAN, failure=FailedRun(run_id="weekly-1", reason="no disk", step="landing"))
    critical, warning = read_status(quiet_warehouse.published_path).alerts
    assert (critical.severity, critical.subject) == ("critical", "landing")
    assert critical.message == "run weekly-1 stopped at landing: no disk"
    assert (warning.severity, warning.subject) == ("warning", "plan")
    watching(A_PLAN, is_publishing=True)
    assert read_status(quiet_warehouse.published_path).alerts == ()


def test_a_failed_run_is_resolved_by_a_publishing_run_and_not_by_an_evaluation(
    watching: Watching, quiet_warehouse: Settings
):
    failed = FailedRun(run_id="weekly-1", reason="no disk", step="landing")
    write_status(quiet_warehouse, last_failed_run=failed)
    watching(failure=failed)
    assert [each.rule for each in watching().open] == ["failed_run"]
    assert watching(is_publishing=True).open == ()
    resolve_failure(quiet_warehouse)
    assert watching().open == ()


def test_the_status_is_not_written_without_changes(watching: Watching, quiet_warehouse: Settings):
    path = quiet_warehouse.published_path / "status.json"
    watching()
    assert not path.exists()
    watching(NO_PLAN)
    before = path.stat().st_mtime_ns
    watching()
    assert path.stat().st_mtime_ns == before


def test_a_new_alert_is_sent_once_and_again_after_its_cooldown(
    watching: Watching, quiet_warehouse: Settings, monkeypatch: pytest.MonkeyPatch
):
    with listening_webhook() as webhook:
        monkeypatch.setenv("ROSSMANN_ALERT_WEBHOOK", webhook.url)
        report = watching(NO_PLAN)
        assert report.summary().endswith("; 1 message sent")
        assert row(quiet_warehouse)["is_notified"]
        assert watching(today=MONDAY + timedelta(days=6)).deliveries == ()
        assert len(webhook.bodies) == 1
        watching(today=MONDAY + timedelta(days=8))
    sent = [[each["subject"] for each in body["alerts"]] for body in webhook.bodies]
    assert sent[0] == ["plan"]
    assert "plan" in sent[1]
    assert all(each["is_delivered"] for each in rows(quiet_warehouse, "alert_deliveries"))


def test_alerts_below_the_limit_are_recorded_and_not_sent(
    watching: Watching, quiet_warehouse: Settings, monkeypatch: pytest.MonkeyPatch
):
    with listening_webhook() as webhook:
        monkeypatch.setenv("ROSSMANN_ALERT_WEBHOOK", webhook.url)
        report = watching(
            "UPDATE forecasting.model_versions SET trained_through = DATE '2015-01-01'"
        )
    assert [each.severity for each in report.open] == ["info"]
    assert webhook.bodies == []


def test_a_failed_delivery_is_recorded_and_retried_and_does_not_fail_the_job(
    watching: Watching, quiet_warehouse: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "_SECONDS_BEFORE_FIRST_RETRY", 0.0)
    monkeypatch.setenv("ROSSMANN_ALERT_WEBHOOK", f"http://127.0.0.1:{free_port()}/secret-token")
    report = watching(NO_PLAN)
    assert "0 messages sent, 1 not: webhook: ConnectionError" in report.summary()
    alert, (lost,) = row(quiet_warehouse), rows(quiet_warehouse, "alert_deliveries")
    assert not alert["is_notified"]
    assert (lost["channel"], lost["is_delivered"], lost["failure"]) == (
        *("webhook", False, "ConnectionError"),
    )
    assert "secret-token" not in json.dumps([alert, lost], default=str)
    with listening_webhook() as webhook:
        monkeypatch.setenv("ROSSMANN_ALERT_WEBHOOK", webhook.url)
        watching()
        assert len(webhook.bodies) == 1
    assert row(quiet_warehouse)["is_notified"]


def test_only_the_channel_that_failed_is_retried(
    watching: Watching, quiet_warehouse: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ROSSMANN_ALERT_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("ROSSMANN_ALERT_SMTP_SECURITY", "none")
    monkeypatch.setenv("ROSSMANN_ALERT_SMTP_PORT", str(free_port()))
    monkeypatch.setenv("ROSSMANN_ALERT_MAIL_TO", "ops@shop.example")
    with listening_webhook() as webhook:
        monkeypatch.setenv("ROSSMANN_ALERT_WEBHOOK", webhook.url)
        watching(NO_PLAN)
        assert not row(quiet_warehouse)["is_notified"]
        with listening_mailbox() as mailbox:
            monkeypatch.setenv("ROSSMANN_ALERT_SMTP_PORT", str(mailbox.port))
            watching()
        assert len(mailbox.messages) == 1
        assert len(webhook.bodies) == 1
    assert row(quiet_warehouse)["is_notified"]


def test_alerts_are_published_with_the_generation(
    quiet_warehouse: Settings, project_params: Params
):
    change(quiet_warehouse, NO_PLAN, marts_follow=False)
    generation, report = watch_and_publish(Session(quiet_warehouse, project_params), PUBLISHING_RUN)
    assert generation.tables["alerts"] == len(report.open) == 1


def test_a_held_publication_is_an_alert_until_a_run_publishes(
    published_generation: tuple[Settings, PublishedGeneration], project_params: Params
):
    settings, _ = published_generation
    doubled = "UPDATE forecasting.forecasts SET sales_forecast = sales_forecast * 2, upper_80 = "
    doubled += "upper_80 * 2, upper_95 = upper_95 * 2 WHERE forecast_origin = DATE '2015-07-31'"
    change(
        settings,
        f"{doubled}; UPDATE forecasting.forecast_runs SET input_hash = 'other' "
        "WHERE forecast_origin = DATE '2015-07-31'",
    )
    with pytest.raises(HeldError):
        watch_and_publish(Session(settings, project_params), PUBLISHING_RUN)
    held = [
        each for each in read_status(settings.published_path).alerts if each.rule == "failed_run"
    ]
    assert [(each.subject, each.severity) for each in held] == [("publish", "critical")]
    assert "moved too far" in held[0].message
    change(settings, doubled.replace("* 2", "/ 2"))
    watch_and_publish(Session(settings, project_params), PUBLISHING_RUN)
    rules = {each.rule for each in read_status(settings.published_path).alerts}
    assert "failed_run" not in rules
