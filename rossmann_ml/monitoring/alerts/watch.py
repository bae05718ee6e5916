"""Evaluate alert rules, and raise, update, send and resolve rows of ``monitoring.alerts``.

Entry point: :func:`watch`. See :mod:`rossmann_ml.monitoring.alerts.rules` for the rules and
:mod:`rossmann_ml.monitoring.alerts.delivery` for webhook and e-mail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

import duckdb

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.params.alerts import SEVERITIES
from rossmann_ml.base.settings import DeliverySettings, load_delivery_settings
from rossmann_ml.ingest.discovery import find_files
from rossmann_ml.monitoring.alerts.delivery import Delivery, channels_of, deliver
from rossmann_ml.monitoring.alerts.findings import AlertFinding, Judgement, Situation
from rossmann_ml.monitoring.alerts.rules import judge
from rossmann_ml.monitoring.retraining_advice import advise_retraining
from rossmann_ml.serving.status import FailedRun, OpenAlert, read_status, write_alerts
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import one_row, read_frame, transaction, utc_now
from rossmann_ml.warehouse.session import Session

FAILED_RUN = "failed_run"


@dataclass(frozen=True)
class AlertReport:
    """Result of one evaluation of the rules.

    Attributes:
        open: Open alerts, the most urgent first.
        raised: Number of new alerts.
        resolved: Number of alerts that this evaluation resolved.
        unjudged: Names of the rules that had no data to evaluate.
        deliveries: Messages of this evaluation, delivered or failed.
        retraining_advice: Reason to train in the next weekly run; None if no training is due.
    """

    open: tuple[OpenAlert, ...]
    raised: int
    resolved: int
    unjudged: tuple[str, ...]
    deliveries: tuple[Delivery, ...]
    retraining_advice: str | None

    def summary(self) -> str:
        """Return one line with the numbers of open, new and resolved alerts and of messages."""
        numbers = Counter(each.severity for each in self.open)
        counted = ", ".join(
            f"{numbers[name]} {name}" for name in reversed(SEVERITIES) if numbers[name]
        )
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

    Rule and subject identify an alert, which is one row for as long as its condition lasts:

    - If its severity is at least ``send_from``, it is sent when it is raised, and again as a
      reminder when it is still found after the rule's ``cooldown_days``. Each reminder starts a new
      cooldown.
    - It is resolved when its rule no longer finds it. If its rule finds it again before the
      cooldown ends, the same row is opened again without a new message.
    - It stays unchanged if its rule has no data.
    - An alert of ``failed_run`` is resolved by the next run that publishes or that fails at another
      step.
    - A message that could not be sent is sent again by the next evaluation.

    Args:
        session: Session of the job; its ``progress`` receives a line for each message.
        run_id: Id of the run that evaluates the rules.
        failure: Failure of that run, which becomes an alert of ``failed_run``; None if the run did
            not fail.
        is_publishing: Whether this run publishes next, so that ``failed_run`` is resolved.

    Raises:
        SettingsError: A setting of delivery is invalid.
        BusyError: Another process writes to the warehouse.
    """
    sending = load_delivery_settings()
    settings, params = session.settings, session.params
    with session.writing() as connection:
        situation = Situation(
            connection,
            params.alert_limits,
            product_today(connection, settings),
            run_id,
            tuple(map(str, find_files(settings.incoming_path)[1])),
        )
        findings = judge(situation)
        if failure is None and not is_publishing:
            last = read_status(settings.published_path).last_failed_run
            failure = None if last is None or last.is_resolved else last
        findings[FAILED_RUN] = []
        if failure is not None:
            message = f"run {failure.run_id} stopped at {failure.step}: {failure.reason}"
            findings[FAILED_RUN] = [AlertFinding(FAILED_RUN, failure.step, message)]
        raised, resolved = _record(situation, findings, settings.dashboard_url)
        still_open = open_alerts(connection)
        send_from = SEVERITIES.index(params.monitoring.alerts.send_from)
        urgent = [each for each in still_open if SEVERITIES.index(each.severity) >= send_from]
        due = {channel: _unsent(connection, channel, urgent) for channel in channels_of(sending)}
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


def _record(
    situation: Situation, findings: Mapping[str, Judgement], dashboard_url: str
) -> tuple[int, int]:
    """Insert new alerts, update known ones, and resolve those that their rule no longer finds.

    Args:
        situation: Input of the rules.
        findings: Findings by rule; the alerts of a rule with None stay unchanged.
        dashboard_url: Address of the dashboard, for the link of each alert.

    Returns:
        Number of new and of resolved alerts.
    """
    connection, today, now = situation.connection, situation.today, utc_now()
    judged = {rule: found for rule, found in findings.items() if found is not None}
    raised = 0
    with transaction(connection):
        for finding in chain.from_iterable(judged.values()):
            rule = situation.params.of(finding.rule)
            values = {
                "new_id": fingerprint([finding.rule, finding.subject, str(now)]),
                "run_id": situation.run_id,
                "now": now,
                "today": today,
                "rule": finding.rule,
                "subject": finding.subject,
                "severity": finding.severity or rule.severity,
                "owner": rule.owner,
                "message": finding.message,
                "link": f"{dashboard_url.rstrip('/')}/{rule.look_at}",
                "value": finding.value,
                "threshold": finding.threshold,
                "cooldown_until": today + timedelta(days=rule.cooldown_days),
            }
            # a known alert was raised earlier
            raised += one_row(connection, _UPSERT, values) == (now,)
        resolved = connection.execute(
            """
            UPDATE monitoring.alerts SET resolved_at = $now
            WHERE resolved_at IS NULL AND last_seen_at < $now AND list_contains($rules, rule)
            RETURNING alert_id
            """,
            {"now": now, "rules": list(judged)},
        ).fetchall()
    return raised, len(resolved)


_UPSERT = """
WITH known AS (
    SELECT alert_id FROM monitoring.alerts
    WHERE rule = $rule AND subject = $subject
        AND (resolved_at IS NULL OR $today <= cooldown_until_date)
    ORDER BY raised_at DESC LIMIT 1
)
INSERT INTO monitoring.alerts BY NAME
SELECT
    coalesce((FROM known), $new_id) AS alert_id, $run_id AS run_id, $now AS raised_at,
    $today AS raised_on, $rule AS rule, $subject AS subject, $severity AS severity,
    $owner AS owner, $message AS message, $link AS link, $value AS value,
    $threshold AS threshold, $now AS last_seen_at, 1 AS times_seen, false AS is_notified,
    $now AS due_at, $cooldown_until AS cooldown_until_date
ON CONFLICT (alert_id) DO UPDATE SET
    severity = excluded.severity, owner = excluded.owner, message = excluded.message,
    link = excluded.link, value = excluded.value, threshold = excluded.threshold,
    last_seen_at = $now, times_seen = times_seen + 1, resolved_at = NULL,
    -- a condition that outlasts its cooldown is due for a reminder
    is_notified = is_notified AND $today <= cooldown_until_date,
    due_at = if($today <= cooldown_until_date, due_at, $now),
    cooldown_until_date
    = if($today <= cooldown_until_date, cooldown_until_date, $cooldown_until)
RETURNING raised_at
"""
"""Insert one finding as an alert, or update its open or recent alert; return ``raised_at``."""


def _unsent(
    connection: duckdb.DuckDBPyConnection, channel: str, alerts: Sequence[OpenAlert]
) -> list[OpenAlert]:
    """Select the alerts that a channel must send.

    An alert is due when it is raised, and again when it is found after its cooldown has ended. The
    channel must send it if it has not delivered it since the alert was last due.

    Args:
        connection: Connection to the pipeline's database.
        channel: ``webhook`` or ``e-mail``.
        alerts: Open alerts to select from.

    Returns:
        Selected alerts, in the order of ``alerts``.
    """
    rows = connection.execute(
        """
        SELECT alert_id FROM monitoring.alerts AS a
        WHERE NOT is_notified AND NOT EXISTS (
            SELECT 1 FROM monitoring.alert_deliveries AS d
            WHERE d.alert_id = a.alert_id AND d.channel = $channel AND d.is_delivered
                AND d.attempted_at >= a.due_at
        )
        """,
        {"channel": channel},
    ).fetchall()
    return [alert for alert in alerts if (alert.alert_id,) in rows]


def _send(
    session: Session, sending: DeliverySettings, due: dict[str, list[OpenAlert]]
) -> tuple[Delivery, ...]:
    """Send the due alerts of each channel, then store the deliveries.

    The connection to the warehouse is closed while messages are sent, so that other processes can
    read the warehouse.

    Args:
        session: Session of the job.
        sending: Settings with the address of the webhook, the mail server and the receivers.
        due: Due alerts by channel.
    """
    deliveries = []
    with session.released():
        for channel, alerts in due.items():
            if alerts:
                session.progress(f"sending {len(alerts)} alerts by {channel}")
                deliveries.append(deliver(channel, alerts, sending))
    if not deliveries:
        return ()
    with session.writing() as connection, transaction(connection):
        for delivery in deliveries:
            connection.execute(
                "INSERT INTO monitoring.alert_deliveries SELECT unnest(?), ?, ?, ?, ?",
                [
                    list(delivery.alert_ids),
                    delivery.channel,
                    utc_now(),
                    delivery.is_delivered,
                    delivery.failure,
                ],
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
