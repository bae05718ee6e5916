"""Sending alerts: a webhook and e-mail, each one message for all alerts that are due.

Where to comes from the environment (:class:`rossmann_ml.base.settings.DeliverySettings`). Addresses
and secrets are in no log, table or error: a failure is told by its kind. When to send and to record
is :mod:`rossmann_ml.monitoring.alerts.watch`' matter.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from rossmann_ml.base.settings import DeliverySettings
from rossmann_ml.serving.status import OpenAlert

WEBHOOK, E_MAIL = "webhook", "e-mail"
_TRIES_AGAIN = 3
_SECONDS_BEFORE_SECOND_TRY = 0.5
_FIRST_FAILURE_STATUS = 300


@dataclass(frozen=True)
class Delivery:
    """One message: what it told of, and whether it arrived.

    Attributes:
        channel: ``webhook`` or ``e-mail``.
        alert_ids: The alerts in it.
        failure: What went wrong; None when nothing did.
    """

    channel: str
    alert_ids: tuple[str, ...]
    failure: str | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether it arrived."""
        return self.failure is None

    def __str__(self) -> str:
        return f"{self.channel}: {self.failure or 'delivered'}"

    def rows(self, attempted_at: datetime) -> list[dict[str, Any]]:
        """A row of ``monitoring.alert_deliveries`` for each alert."""
        return [
            {
                "alert_id": alert_id,
                "channel": self.channel,
                "attempted_at": attempted_at,
                "is_delivered": self.is_delivered,
                "failure": self.failure,
            }
            for alert_id in self.alert_ids
        ]


def channels_of(sending: DeliverySettings) -> tuple[str, ...]:
    """The channels that are set up."""
    return tuple(
        channel
        for channel, is_set in (
            (WEBHOOK, sending.webhook is not None),
            (E_MAIL, bool(sending.smtp_host and sending.receivers)),
        )
        if is_set
    )


def deliver(channel: str, alerts: Sequence[OpenAlert], sending: DeliverySettings) -> Delivery:
    """Send alerts by one channel. What goes wrong on the way is in the answer, never raised.

    Args:
        channel: One of :func:`channels_of`.
        alerts: What to tell, the most urgent first.
        sending: Where to.
    """
    ids = tuple(alert.alert_id for alert in alerts)
    try:
        send = _post if channel == WEBHOOK else _mail
        failure = send(alerts, sending)
    except (requests.RequestException, smtplib.SMTPException, OSError, ValueError) as error:
        failure = _kind_of(error)
    return Delivery(channel, ids, failure)


def _post(alerts: Sequence[OpenAlert], sending: DeliverySettings) -> str | None:
    """POST to the webhook; too many requests and a server's trouble are tried again."""
    if sending.webhook is None:
        raise ValueError("no webhook is set")
    again = Retry(
        total=_TRIES_AGAIN,
        backoff_factor=_SECONDS_BEFORE_SECOND_TRY,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("POST",),
        raise_on_status=False,
        respect_retry_after_header=False,  # the weekly job does not wait an hour
    )
    with _unlogged(), requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=again))
        answer = session.post(
            sending.webhook.get_secret_value(),
            # `text` is what chat services show
            json={
                "text": _text(alerts),
                "alerts": [alert.model_dump(mode="json") for alert in alerts],
            },
            timeout=sending.webhook_timeout_seconds,
            allow_redirects=False,
        )
    return f"HTTP {answer.status_code}" if answer.status_code >= _FIRST_FAILURE_STATUS else None


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep urllib3 from logging the address of what it tries again."""
    loggers = [logging.getLogger(f"urllib3.{name}") for name in ("connectionpool", "util.retry")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _mail(alerts: Sequence[OpenAlert], sending: DeliverySettings) -> str | None:
    message = EmailMessage()
    message["Subject"] = _subject(alerts)
    message["From"] = sending.mail_from
    message["To"] = ", ".join(sending.receivers)
    message.set_content(_text(alerts))
    timeout = sending.smtp_timeout_seconds
    if sending.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            sending.smtp_host,
            sending.smtp_port,
            timeout=timeout,
            context=ssl.create_default_context(),
        )
    else:
        server = smtplib.SMTP(sending.smtp_host, sending.smtp_port, timeout=timeout)
    with server:
        if sending.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if sending.smtp_user:
            server.login(sending.smtp_user, sending.smtp_password.get_secret_value())
        refused = server.send_message(message)
    return f"refused for {len(refused)} of {len(sending.receivers)} receivers" if refused else None


def _subject(alerts: Sequence[OpenAlert]) -> str:
    first, more = alerts[0], len(alerts) - 1
    subject = f"[{first.severity}] sales forecast: {first.rule.replace('_', ' ')}, {first.subject}"
    return " ".join(subject.split()) + (f" and {more} more" if more else "")


def _text(alerts: Sequence[OpenAlert]) -> str:
    return "\n\n".join(
        f"[{alert.severity}] {alert.rule.replace('_', ' ')}, {alert.subject}\n"
        f"{alert.message}\n"
        f"Owner: {alert.owner}. Since {alert.raised_at:%Y-%m-%d %H:%M} UTC. See {alert.link}"
        for alert in alerts
    )


def _kind_of(error: Exception) -> str:
    """What went wrong without its text, which may hold an address with a secret in it."""
    kind = type(error).__name__
    code = getattr(error, "smtp_code", None)
    return f"{kind} (SMTP {code})" if code else kind
