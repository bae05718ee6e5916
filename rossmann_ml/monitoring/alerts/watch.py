"""Evaluate alert rules, and raise, update, send and resolve rows of ``monitoring.alerts``.

Entry point: :func:`watch`. See :mod:`rossmann_ml.monitoring.alerts.rules` for the rules and
:mod:`rossmann_ml.monitoring.alerts.delivery` for webhook and e-mail.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl

from rossmann_ml.base.alert_params import SEVERITIES, AlertParams
from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.settings import DeliverySettings, Settings, load_delivery_settings
from rossmann_ml.monitoring.alerts.delivery import Delivery, channels_of, deliver
from rossmann_ml.monitoring.alerts.findings import AlertFinding, Situation
from rossmann_ml.monitoring.alerts.rules import judge
from rossmann_ml.monitoring.retraining_advice import advise_retraining
from rossmann_ml.serving.status import FailedRun, OpenAlert, read_status, write_alerts
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import (
    append_frame,
    one_row,
    read_frame,
    transaction,
    utc_now,
)
from rossmann_ml.warehouse.session import Session

FAILED_RUN = "failed_run"


@dataclass(frozen=True)
class AlertReport:
    """Result of one evaluation of the rules.

    Attributes:
        open: Open alerts, the most urgent first.
        raised: Number of new alerts.
        resolved: Number of alerts that were resolved now.
        unjudged: Names of rules that had no data.
        deliveries: Messages of this evaluation, delivered or failed.
        retraining_advice: Reason to train in the next weekly run; None if there is none.
    """

    open: tuple[OpenAlert, ...]
    raised: int
    resolved: int
    unjudged: tuple[str, ...]
    deliveries: tuple[Delivery, ...]
    retraining_advice: str | None

    def summary(self) -> str:
        """Return one line with the numbers of alerts and of messages."""
        by_severity = {
            severity: sum(each.severity == severity for each in self.open)
            for severity in reversed(SEVERITIES)
        }
        counted = ", ".join(f"{number} {name}" for name, number in by_severity.items() if number)
        line = f"{len(self.open)} open{f' ({counted})' if counted else ''}, {self.raised} new, "
        line += f"{self.resolved} resolved"
        lost = [each for each in self.deliveries if not each.is_delivered]
        if self.deliveries:
            sent = len(self.deliveries) - len(lost)
            line += f"; {sent} message{'' if sent == 1 else 's'} sent"
        if lost:
            line += f", {len(lost)} not: {'; '.join(sorted({str(each) for each in lost}))}"
        return line


def watch(
    session: Session,
    *,
    run_id: str,
    failure: FailedRun | None = None,
    is_publishing: bool = False,
) -> AlertReport:
    """Evaluate all rules, upsert ``monitoring.alerts``, send due alerts, update ``status.json``.

    Rule and subject identify an alert. An alert is one row for as long as its condition lasts. It
    is
    sent once, and again after each cooldown. A condition that returns within the cooldown continues
    the same row. The
    alert is resolved when its rule no longer finds it. A rule without data leaves its alerts
    unchanged. An alert of ``failed_run`` is resolved by the next run that publishes. A message that
    cannot be sent is recorded, and the next evaluation retries it.

    Args:
        session: Session of the job; its progress receives a line for each message.
        run_id: Id of the run.
        failure: Failure of that run; None if it did not fail.
        is_publishing: True when this run publishes next, which resolves ``failed_run``.

    Raises:
        SettingsError: A setting of delivery is invalid.
        BusyError: Another process writes.
    """
    sending = load_delivery_settings()
    settings, params = session.settings, session.params
    with session.writing() as connection:
        situation = Situation(
            connection, params.monitoring.alerts, product_today(connection, settings), run_id
        )
        findings = judge(situation)
        if failure is None and not is_publishing:
            failure = _unresolved_failure(settings)
        findings[FAILED_RUN] = [] if failure is None else [_failed(failure)]
        book = _Book(connection, settings, situation)
        with transaction(connection):
            raised = book.note([each for found in findings.values() for each in found or []])
            resolved = book.resolve({rule for rule, found in findings.items() if found is not None})
        due = _due(connection, params.monitoring.alerts, sending)
        still_open = open_alerts(connection)
        advice = advise_retraining(
            connection,
            params.monitoring.retraining,
            every_weeks=params.training.retrain_every_weeks,
        )
        # before sending, because a slow server must not delay the readers' status
        write_alerts(settings, alerts=still_open, retraining_advice=advice)
        deliveries = _send(session, sending, due)
    return AlertReport(
        open=still_open,
        raised=raised,
        resolved=resolved,
        unjudged=tuple(rule for rule, found in findings.items() if found is None),
        deliveries=deliveries,
        retraining_advice=advice,
    )


def open_alerts(connection: duckdb.DuckDBPyConnection) -> tuple[OpenAlert, ...]:
    """Return the open alerts, the most urgent first."""
    rows = read_frame(
        connection,
        """
        SELECT * FROM monitoring.alerts WHERE resolved_at IS NULL
        ORDER BY list_position($severities::VARCHAR[], severity) DESC, raised_at, rule, subject
        """,
        {"severities": list(SEVERITIES)},
    )
    return tuple(OpenAlert.model_validate(row) for row in rows.to_dicts())


def _unresolved_failure(settings: Settings) -> FailedRun | None:
    failed = read_status(settings.published_path).last_failed_run
    return None if failed is None or failed.is_resolved else failed


def _failed(failure: FailedRun) -> AlertFinding:
    return AlertFinding(
        FAILED_RUN,
        failure.step,
        f"run {failure.run_id} stopped at {failure.step}: {failure.reason}",
    )


class _Book:
    """Writer of ``monitoring.alerts`` for one run."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, situation: Situation
    ) -> None:
        self._connection = connection
        self._dashboard_url = settings.dashboard_url.rstrip("/")
        self._rules: AlertParams = situation.params
        self._today: date = situation.today
        self._run_id = situation.run_id
        self._now = utc_now()

    def note(self, findings: Sequence[AlertFinding]) -> int:
        """Insert new alerts and update open ones.

        Returns:
            Number of new alerts.
        """
        raised = 0
        for finding in findings:
            known = one_row(
                self._connection,
                """
                SELECT alert_id, resolved_at IS NULL, cooldown_until_date
                FROM monitoring.alerts WHERE rule = ? AND subject = ?
                ORDER BY raised_at DESC LIMIT 1
                """,
                [finding.rule, finding.subject],
            )
            if known is None or not (known[1] or self._today <= known[2]):
                self._raise(finding)
                raised += 1
            else:
                self._see_again(known[0], finding, is_due=self._today > known[2])
        return raised

    def _raise(self, finding: AlertFinding) -> None:
        row = {
            "alert_id": fingerprint([finding.rule, finding.subject, str(self._now)]),
            "run_id": self._run_id,
            "raised_at": self._now,
            "raised_on": self._today,
            "rule": finding.rule,
            "subject": finding.subject,
            "times_seen": 1,
            **self._seen(finding),
            **self._due(finding),
        }
        append_frame(self._connection, "monitoring.alerts", pl.DataFrame([row], schema=_SCHEMA))

    def _see_again(self, alert_id: str, finding: AlertFinding, *, is_due: bool) -> None:
        changed = self._seen(finding) | (self._due(finding) if is_due else {})
        names = ", ".join(f"{name} = ${name}" for name in changed)
        self._connection.execute(
            f"""
            UPDATE monitoring.alerts
            SET {names}, resolved_at = NULL, times_seen = times_seen + 1
            WHERE alert_id = $alert_id
            """,  # noqa: S608 - names of the columns below
            {**changed, "alert_id": alert_id},
        )

    def _seen(self, finding: AlertFinding) -> dict[str, Any]:
        rule = self._rules.of(finding.rule)
        return {
            "severity": finding.severity or rule.severity,
            "owner": rule.owner,
            "message": finding.message,
            "link": f"{self._dashboard_url}/{rule.look_at}",
            "value": None if finding.value is None else float(finding.value),
            "threshold": None if finding.threshold is None else float(finding.threshold),
            "last_seen_at": self._now,
        }

    def _due(self, finding: AlertFinding) -> dict[str, Any]:
        cooldown = timedelta(days=self._rules.of(finding.rule).cooldown_days)
        return {
            "is_notified": False,
            "due_at": self._now,
            "cooldown_until_date": self._today + cooldown,
        }

    def resolve(self, judged_rules: Collection[str]) -> int:
        """Resolve the open alerts of these rules that have no finding in this run.

        Returns:
            Number of resolved alerts.
        """
        rows = self._connection.execute(
            """
            UPDATE monitoring.alerts SET resolved_at = $now
            WHERE resolved_at IS NULL AND last_seen_at < $now AND list_contains($rules, rule)
            RETURNING alert_id
            """,
            {"now": self._now, "rules": list(judged_rules)},
        ).fetchall()
        return len(rows)


def _due(
    connection: duckdb.DuckDBPyConnection, rules: AlertParams, sending: DeliverySettings
) -> dict[str, list[OpenAlert]]:
    """Return the alerts to send by channel."""
    severities = SEVERITIES[SEVERITIES.index(rules.send_from) :]
    due = {}
    for channel in channels_of(sending):
        rows = read_frame(
            connection,
            """
            SELECT * FROM monitoring.alerts AS a
            WHERE resolved_at IS NULL AND NOT is_notified
                AND list_contains($severities::VARCHAR[], severity)
                AND NOT EXISTS (
                    SELECT 1 FROM monitoring.alert_deliveries AS d
                    WHERE d.alert_id = a.alert_id AND d.channel = $channel AND d.is_delivered
                        AND d.attempted_at >= a.due_at
                )
            ORDER BY list_position($severities::VARCHAR[], severity) DESC, raised_at, rule, subject
            """,
            {"severities": list(severities), "channel": channel},
        )
        if len(rows):
            due[channel] = [OpenAlert.model_validate(row) for row in rows.to_dicts()]
    return due


def _send(
    session: Session, sending: DeliverySettings, due: dict[str, list[OpenAlert]]
) -> tuple[Delivery, ...]:
    """Send alerts with the warehouse closed, then record the deliveries."""
    deliveries = []
    with session.released():
        for channel, alerts in due.items():
            session.progress(f"sending {len(alerts)} alerts by {channel}")
            deliveries.append(deliver(channel, alerts, sending))
    if not deliveries:
        return ()
    with session.writing() as connection, transaction(connection):
        for delivery in deliveries:
            append_frame(
                connection,
                "monitoring.alert_deliveries",
                pl.DataFrame(delivery.rows(utc_now()), schema_overrides={"failure": pl.String}),
            )
        connection.execute(
            """
            UPDATE monitoring.alerts AS a SET is_notified = true
            WHERE list_contains($ids, alert_id) AND (
                SELECT count(DISTINCT channel) FROM monitoring.alert_deliveries AS d
                WHERE d.alert_id = a.alert_id AND d.is_delivered AND d.attempted_at >= a.due_at
                    AND list_contains($channels, channel)
            ) = len($channels)
            """,
            {
                "ids": [alert.alert_id for alerts in due.values() for alert in alerts],
                "channels": list(channels_of(sending)),
            },
        )
    return tuple(deliveries)


_SCHEMA: dict[str, Any] = {
    "alert_id": pl.String,
    "run_id": pl.String,
    "raised_at": pl.Datetime("us"),
    "raised_on": pl.Date,
    "rule": pl.String,
    "subject": pl.String,
    "severity": pl.String,
    "owner": pl.String,
    "message": pl.String,
    "link": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "last_seen_at": pl.Datetime("us"),
    "times_seen": pl.Int32,
    "is_notified": pl.Boolean,
    "due_at": pl.Datetime("us"),
    "cooldown_until_date": pl.Date,
}
