"""What stands around every request: its id, its headers, its time, and who is told of it.

A plain ASGI layer, the outermost of the application. It decides nothing about the answer, except
that a failure of the code leaves as a problem that tells nothing of the inside.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.metrics import Metrics
from app.api.notes import Notes, attach
from app.api.problems import KINDS, ProblemError, problem_response
from app.api.request_log import RequestLog

_LOG = logging.getLogger("app.api.requests")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# the pages of the documentation bring their own policy
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NO_ROUTE = "(none)"


class Envelope:
    """Wraps an application.

    Args:
        app: The application.
        metrics: Is told of every answer.
        request_log: Is given a record of every answer; None records nothing.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, request_log: RequestLog | None) -> None:
        self._app = app
        self._metrics = metrics
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        notes = Notes(_request_id(scope))
        attach(scope, notes)
        is_started = False

        async def send_on(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                notes.status = message["status"]
                headers = message["headers"]
                headers += _SECURITY_HEADERS
                if not any(name == _POLICY[0] for name, _ in headers):
                    headers.append(_POLICY)
                headers.append((b"x-request-id", notes.request_id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:
            _LOG.exception("failed", extra={"request_id": notes.request_id})
            if not is_started:
                error = ProblemError("internal-error", KINDS["internal-error"].example)
                await problem_response(scope["path"], error)(scope, receive, send_on)
        finally:
            self._tell(scope, notes, time.perf_counter() - started)

    def _tell(self, scope: Scope, notes: Notes, seconds: float) -> None:
        route = scope.get("route")
        path = getattr(route, "path", NO_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.answered(method, path, notes.status, seconds)
        milliseconds = round(1000 * seconds, 3)
        if notes.status >= 400:
            _LOG.log(
                # a caller that asks too often must not fill the log, too
                logging.DEBUG if notes.status == 429 else logging.INFO,
                "refused" if notes.status < 500 else "not answered",
                extra={
                    "request_id": notes.request_id,
                    "method": method,
                    "path": path,
                    "status": notes.status,
                    "milliseconds": milliseconds,
                    "key_name": notes.key_name,
                },
            )
        if self._request_log is not None:
            self._request_log.record(
                {
                    "kind": "request",
                    "request_id": notes.request_id,
                    "at": datetime.now(UTC),
                    "method": method,
                    "path": path,
                    "status": notes.status,
                    "milliseconds": milliseconds,
                    "stores": notes.stores,
                    "store_id": _store_id(scope),
                    "generation_id": notes.generation_id,
                    "key_name": notes.key_name,
                    "what_if": notes.what_if,
                }
            )


def _store_id(scope: Scope) -> int | None:
    """The store that the path names, whether there is one of that number or not."""
    named = str(scope.get("path_params", {}).get("store_id", ""))
    return int(named) if named.isascii() and named.isdigit() and len(named) <= 9 else None


def _request_id(scope: Scope) -> str:
    """The caller's id where it is a plain word, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return uuid.uuid4().hex
