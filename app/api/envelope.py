"""Add request ids and security headers to responses, and record requests in logs and metrics.

This outermost ASGI layer leaves response bodies as they are. Only an unexpected exception becomes
an error response, without details of the code. See :mod:`app.api.bounds.guard` for keys and limits.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from datetime import UTC, datetime

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import KINDS, ProblemError, problem_response
from app.api.records.metrics import Metrics
from app.api.records.notes import NOTES, Notes
from app.api.records.request_log import RequestLog

_LOG = logging.getLogger("app.api.requests")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DOCS_PATH = "/docs"
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = b"default-src 'none'; frame-ancestors 'none'"
# Swagger UI starts with a script in the page and draws with inline styles and data images
_DOCS_POLICY = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
NO_ROUTE = "(none)"


class Envelope:
    """ASGI layer that adds headers to all responses, and adds all requests to log and metrics.

    Args:
        app: Application to wrap.
        metrics: Metrics that count every response.
        request_log: Log to which every request is added; None if requests are not logged.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, request_log: RequestLog | None) -> None:
        self._app = app
        self._metrics = metrics
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, add headers to the response, log the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        notes = scope[NOTES] = Notes(_request_id(scope))
        is_started = False
        is_head = scope["method"] == "HEAD"
        # routes answer GET; the server leaves out the body, because its own scope has HEAD
        inner = {**scope, "method": "GET"} if is_head else scope

        async def send_on(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                notes.status = message["status"]
                headers = message["headers"]
                headers += _SECURITY_HEADERS
                policy = _DOCS_POLICY if scope["path"] == DOCS_PATH else _POLICY
                headers.append((b"content-security-policy", policy))
                headers.append((b"x-request-id", notes.request_id.encode()))
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(inner, receive, send_on)
        except Exception:
            _LOG.exception("failed", extra={"request_id": notes.request_id})
            if not is_started:
                error = ProblemError("internal-error", KINDS["internal-error"].example)
                await problem_response(scope["path"], error)(scope, receive, send_on)
        finally:
            self._report({**inner, "method": scope["method"]}, notes, time.perf_counter() - started)

    def _report(self, scope: Scope, notes: Notes, seconds: float) -> None:
        route = scope.get("route")
        path = getattr(route, "path", NO_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.answered(method, path, notes.status, seconds)
        record = {
            "kind": "request",
            "request_id": notes.request_id,
            "at": datetime.now(UTC),
            "method": method,
            "path": path,
            "status": notes.status,
            "milliseconds": round(1000 * seconds, 3),
            "stores": notes.stores,
            "store_id": _store_id(scope),
            "generation_id": notes.generation_id,
            "key_name": notes.key_name,
            "what_if": notes.what_if,
        }
        if notes.status >= 400:
            # refused callers must not fill the log
            level = logging.DEBUG if notes.status < 500 else logging.INFO
            _LOG.log(level, "refused" if notes.status < 500 else "not answered", extra=record)
        if self._request_log is not None:
            self._request_log.record(record)


def _store_id(scope: Scope) -> int | None:
    """Return the store number in a request's path, whether or not a store has this number.

    Returns:
        Store number; None if the route has no ``store_id``, or if the ``store_id`` in the path is
        not a number of at most 9 digits.
    """
    named = str(scope.get("path_params", {}).get("store_id", ""))
    return int(named) if named.isascii() and named.isdigit() and len(named) <= 9 else None


def _request_id(scope: Scope) -> str:
    """Return the id in the header ``X-Request-ID`` if it is valid, else a new id.

    A valid id has at most 64 letters, digits, dots, underscores and hyphens, because logs and
    response headers contain it.
    """
    offered = Headers(scope=scope).get("x-request-id", "")
    return offered if _REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
