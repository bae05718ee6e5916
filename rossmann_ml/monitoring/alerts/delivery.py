"""Send due alerts by webhook or e-mail, all of them in one message per channel.

:func:`deliver` returns a failure instead of raising it, because a job must not stop when a message
cannot be sent. Addresses and secrets stay out of logs, tables and errors. See
:class:`rossmann_ml.base.settings.DeliverySettings` for the addresses and
:mod:`rossmann_ml.monitoring.alerts.watch` for the choice of the due alerts.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from rossmann_ml.base.settings import DeliverySettings
from rossmann_ml.serving.status import OpenAlert

# apprise (2.3 was tried) sends strings only: its JSON has no list of alerts for programs, and its
# failure has no SMTP code.
WEBHOOK, E_MAIL = "webhook", "e-mail"
_RETRIES = 3
_SECONDS_BEFORE_FIRST_RETRY = 0.5
_WEBHOOK_TIMEOUT_SECONDS = 5.0  # for each try, to connect and to answer
_SMTP_TIMEOUT_SECONDS = 10.0  # for each step of the SMTP dialogue
_FIRST_FAILURE_STATUS = 300


@dataclass(frozen=True)
class Delivery:
    """Outcome of one message.

    Attributes:
        channel: ``webhook`` or ``e-mail``.
        alert_ids: Ids of the alerts in the message.
        failure: What failed, such as ``HTTP 404`` or ``ConnectTimeout``; None for a delivered
            message.
    """

    channel: str
    alert_ids: tuple[str, ...]
    failure: str | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the webhook or the mail server accepted the message."""
        return self.failure is None

    def __str__(self) -> str:
        return f"{self.channel}: {self.failure or 'delivered'}"


def channels_of(sending: DeliverySettings) -> tuple[str, ...]:
    """Return the channels (``webhook``, ``e-mail``) whose address is in the settings."""
    webhook = (WEBHOOK,) if sending.webhook else ()
    return (*webhook, E_MAIL) if sending.smtp_host and sending.receivers else webhook


def deliver(channel: str, alerts: Sequence[OpenAlert], sending: DeliverySettings) -> Delivery:
    """Send alerts in one message by one channel; return a failure instead of raising it.

    Args:
        channel: ``webhook`` or ``e-mail``, whose address is in ``sending``.
        alerts: Alerts of the message, the most urgent first.
        sending: Settings with the address of the webhook, the mail server and the receivers.
    """
    ids = tuple(alert.alert_id for alert in alerts)
    try:
        send = _post if channel == WEBHOOK else _mail
        failure = send(alerts, sending)
    except (requests.RequestException, smtplib.SMTPException, OSError, ValueError) as error:
        failure = _kind_of(error)
    return Delivery(channel, ids, failure)


def _post(alerts: Sequence[OpenAlert], sending: DeliverySettings) -> str | None:
    """POST the alerts to the webhook.

    Failed connections, timeouts and the statuses 429, 500, 502, 503 and 504 are retried up to three
    times.

    Returns:
        Status of the last answer if it is 300 or more, such as ``HTTP 404``; None if the alerts
        were delivered.

    Raises:
        requests.RequestException: The webhook could not be reached or did not answer.
        ValueError: ``sending`` has no webhook.
    """
    if sending.webhook is None:
        raise ValueError("no webhook is set")
    retry = Retry(
        total=_RETRIES,
        backoff_factor=_SECONDS_BEFORE_FIRST_RETRY,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("POST",),
        raise_on_status=False,
        respect_retry_after_header=False,  # a server must not delay the weekly job by an hour
    )
    with _unlogged(), requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        answer = session.post(
            sending.webhook.get_secret_value(),
            # chat services show `text`
            json={
                "text": _text(alerts),
                "alerts": [alert.model_dump(mode="json") for alert in alerts],
            },
            timeout=_WEBHOOK_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    return f"HTTP {answer.status_code}" if answer.status_code >= _FIRST_FAILURE_STATUS else None


@contextmanager
def _unlogged() -> Iterator[None]:
    """Silence urllib3 for a block, because it logs the secret address of a repeated request."""
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
    if sending.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            sending.smtp_host,
            sending.smtp_port,
            timeout=_SMTP_TIMEOUT_SECONDS,
            context=ssl.create_default_context(),
        )
    else:
        server = smtplib.SMTP(sending.smtp_host, sending.smtp_port, timeout=_SMTP_TIMEOUT_SECONDS)
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
    """Describe an error by class and SMTP code, because the error's text may contain a secret."""
    kind = type(error).__name__
    code = getattr(error, "smtp_code", None)
    return f"{kind} (SMTP {code})" if code else kind
