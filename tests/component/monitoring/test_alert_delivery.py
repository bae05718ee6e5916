"""Messages really travel: to a webhook over HTTP and to a mail server over SMTP, both local."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from support.receivers import listening_mailbox, listening_webhook
from support.servers import free_port

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import DeliverySettings, load_delivery_settings
from rossmann_ml.monitoring.alerts import delivery
from rossmann_ml.monitoring.alerts.delivery import channels_of, deliver
from rossmann_ml.serving.status import OpenAlert


def alert(number: int = 1, **changed: str) -> OpenAlert:
    values = {
        "alert_id": f"a{number}",
        "raised_at": datetime(2015, 8, 3, 6, tzinfo=UTC),
        "rule": "stale_data",
        "subject": "plan",
        "severity": "critical",
        "owner": "data-supply",
        "message": "the plan ends on 2015-08-20; erwartet 33 Tage für Köln",
        "link": "http://127.0.0.1:8501/quality",
    }
    return OpenAlert.model_validate({**values, **changed})


@pytest.fixture(autouse=True)
def no_waiting_between_tries(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "_SECONDS_BEFORE_FIRST_RETRY", 0.0)


def mail_settings(port: int, **changed: object) -> DeliverySettings:
    values = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "mail_from": "forecast@shop.example",
        "mail_to": "ops@shop.example, erika@shop.example",
    }
    return DeliverySettings.model_validate({**values, **changed})


def test_nothing_set_up_means_no_channel():
    assert channels_of(DeliverySettings()) == ()
    assert channels_of(DeliverySettings(smtp_host="somewhere")) == ()  # but nobody to write to
    assert channels_of(DeliverySettings.model_validate({"webhook": ""})) == ()


def test_a_webhook_gets_one_post_with_words_for_a_chat_and_fields_for_a_program():
    with listening_webhook() as webhook:
        sending = DeliverySettings.model_validate({"webhook": webhook.url})
        assert channels_of(sending) == ("webhook",)
        done = deliver("webhook", [alert(1), alert(2, subject="sales")], sending)
    assert done.is_delivered
    assert done.alert_ids == ("a1", "a2")
    (body,) = webhook.bodies
    assert [each["subject"] for each in body["alerts"]] == ["plan", "sales"]
    assert body["alerts"][0]["severity"] == "critical"
    assert "[critical] stale data, plan" in body["text"]
    assert "für Köln" in body["text"]
    assert "http://127.0.0.1:8501/quality" in body["text"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_webhook_in_trouble_is_tried_again_and_its_wish_to_wait_an_hour_is_not_heeded(
    status: int,
):
    with listening_webhook() as webhook:
        webhook.statuses = [status, status]
        done = deliver(
            "webhook", [alert()], DeliverySettings.model_validate({"webhook": webhook.url})
        )
    assert done.is_delivered
    assert len(webhook.bodies) == 3


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (404, 1), (302, 1)])
def test_a_webhook_that_refuses_is_a_failure_with_its_status_and_nothing_raised(
    status: int, tries: int
):
    with listening_webhook() as webhook:
        webhook.statuses = [status] * tries
        done = deliver(
            "webhook", [alert()], DeliverySettings.model_validate({"webhook": webhook.url})
        )
    assert done.failure == f"HTTP {status}"
    assert len(webhook.bodies) == tries


def test_a_webhook_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "_WEBHOOK_TIMEOUT_SECONDS", 0.05)
    with listening_webhook() as webhook:
        webhook.seconds = 5
        done = deliver(
            "webhook",
            [alert()],
            DeliverySettings.model_validate({"webhook": webhook.url}),
        )
    assert done.failure in {"ConnectionError", "ReadTimeout"}


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/hooks/secret-token", "no address: secret-token"]
)
def test_a_failure_tells_its_kind_and_never_the_address(
    address: str, caplog: pytest.LogCaptureFixture
):
    sending = DeliverySettings.model_validate({"webhook": address.format(port=free_port())})
    with caplog.at_level(logging.INFO):
        done = deliver("webhook", [alert()], sending)
    assert not done.is_delivered
    assert "secret" not in str(done) + repr(done) + repr(sending)
    assert "secret-token" not in caplog.text


def test_an_e_mail_arrives_with_subject_figures_and_link():
    with listening_mailbox() as mailbox:
        sending = mail_settings(mailbox.port)
        assert channels_of(sending) == ("e-mail",)
        done = deliver("e-mail", [alert(1), alert(2)], sending)
    assert done.is_delivered, done.failure
    (message,) = mailbox.messages
    assert message["Subject"] == "[critical] sales forecast: stale data, plan and 1 more"
    assert message["From"] == "forecast@shop.example"
    assert mailbox.receivers == [["ops@shop.example", "erika@shop.example"]]
    text = message.get_content()
    assert "erwartet 33 Tage für Köln" in text
    assert "Owner: data-supply" in text
    assert "http://127.0.0.1:8501/quality" in text


def test_a_subject_of_several_lines_becomes_one_and_adds_no_header():
    with listening_mailbox() as mailbox:
        done = deliver(
            "e-mail", [alert(subject="plan\nBcc: all@world")], mail_settings(mailbox.port)
        )
    assert done.is_delivered, done.failure
    assert mailbox.messages[0]["Bcc"] is None


def test_a_mail_server_that_asks_for_a_password_gets_it():
    with listening_mailbox(password="pass-word") as mailbox:
        right = mail_settings(mailbox.port, smtp_user="alerts", smtp_password="pass-word")
        wrong = mail_settings(mailbox.port, smtp_user="alerts", smtp_password="wrong-word")
        assert deliver("e-mail", [alert()], right).is_delivered
        refused = deliver("e-mail", [alert()], wrong)
    assert refused.failure == "SMTPAuthenticationError (SMTP 535)"
    assert len(mailbox.messages) == 1
    assert "pass-word" not in repr(right)


def test_a_server_without_encryption_gets_no_password_where_encryption_is_asked_for():
    with listening_mailbox() as mailbox:
        done = deliver("e-mail", [alert()], mail_settings(mailbox.port, smtp_security="starttls"))
        encrypted = deliver("e-mail", [alert()], mail_settings(mailbox.port, smtp_security="tls"))
    assert done.failure == "SMTPNotSupportedError"
    assert encrypted.failure is not None
    assert encrypted.failure.startswith("SSL")
    assert mailbox.messages == []


def test_a_receiver_that_is_refused_is_a_failure_although_others_got_it():
    with listening_mailbox() as mailbox:
        mailbox.refused = {"erika@shop.example"}
        done = deliver("e-mail", [alert()], mail_settings(mailbox.port))
    assert done.failure == "refused for 1 of 2 receivers"


def test_a_mail_server_that_is_not_there_is_a_failure_and_nothing_raised():
    done = deliver("e-mail", [alert()], mail_settings(free_port()))
    assert done.failure == "ConnectionRefusedError"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ROSSMANN_ALERT_WEBHOOK", "https://chat.example/secret")
    monkeypatch.setenv("ROSSMANN_ALERT_MAIL_TO", " a@b.example ,, c@d.example")
    sending = load_delivery_settings()
    assert sending.webhook is not None
    assert sending.webhook.get_secret_value() == "https://chat.example/secret"
    assert sending.receivers == ["a@b.example", "c@d.example"]
    assert "secret" not in repr(sending)


def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("ROSSMANN_ALERT_SMTP_PORT", "secret-99")
    with pytest.raises(SettingsError, match="ROSSMANN_ALERT_SMTP_PORT") as caught:
        load_delivery_settings()
    assert "secret" not in str(caught.value)
