"""A webhook and a mail server that listen on this machine and keep what they are sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from support.servers import free_port


@dataclass
class Webhook:
    """What came in.

    Attributes:
        url: Where it listens; it ends in a secret, as those of chat services do.
        bodies: The bodies, each as JSON.
        statuses: What it answers, one after the other; then 200.
        seconds: How long it thinks before each answer.
    """

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    seconds: float = 0.0


@contextmanager
def listening_webhook() -> Iterator[Webhook]:
    """Listen on a free port."""
    webhook, stop = Webhook(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook.bodies.append(json.loads(body))
            stop.wait(webhook.seconds)
            status = webhook.statuses.pop(0) if webhook.statuses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", webhook.url)
            if status == 503:
                self.send_header("Retry-After", "3600")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    webhook.url = f"http://127.0.0.1:{server.server_port}/hooks/secret-token"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield webhook
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """What came in.

    Attributes:
        port: Where the server listens, on 127.0.0.1.
        messages: The messages.
        receivers: Whom each is for.
        refused: Receivers that the server does not take.
    """

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a receiver, or not."""
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.receivers.append(envelope.rcpt_tos)
        return "250 OK"


@contextmanager
def listening_mailbox(*, password: str | None = None) -> Iterator[Mailbox]:
    """Listen on a free port; with a password, only for the user ``alerts`` who has it."""
    mailbox = Mailbox()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any):
        given = (data.login, data.password)
        return AuthResult(success=given == (b"alerts", (password or "").encode()), handled=False)

    options: dict[str, Any] = {}
    if password is not None:
        options = {
            "authenticator": authenticate,
            "auth_required": True,
            "auth_require_tls": False,
        }
    mailbox.port = free_port()
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=mailbox.port, ready_timeout=60, **options
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
