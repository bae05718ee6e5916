"""ASGI layer that checks API keys, the rate limit, and the size and speed of request bodies."""

from __future__ import annotations

import asyncio
import time

import limits
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.keys import holder_of
from app.api.notes import notes_of
from app.api.problems import ProblemError, problem_response
from app.api.settings import ApiSettings

# Health and documentation need no key.
_OPEN_PATHS = frozenset({"/health", "/ready", "/docs", "/openapi.json"})
_OPEN_FOLDER = "/docs/"


class Guard:
    """ASGI layer that refuses requests without a valid key or above a limit.

    The status is 401 without a valid key if the settings contain keys, 429 above the rate limit,
    and 408 or 413 for a body that arrives too slowly or is too large. Health checks and the
    documentation need no key and have no rate limit.

    Args:
        app: Application to wrap.
        settings: API settings with the accepted keys and the limits.
    """

    def __init__(self, app: ASGIApp, *, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._limit = limits.parse(settings.rate_limit) if settings.rate_limit else None
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, or respond with the reason for refusing it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "")
        try:
            self._admit(scope, headers)
            self._check_size(int(announced) if announced.isdecimal() else 0)
        except ProblemError as error:
            await problem_response(scope["path"], error)(scope, receive, send)
            return
        await self._app(scope, self._limited(receive), send)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        path, holder = scope["path"], None
        is_open = path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)
        if self._settings.key_hashes:
            scheme, _, token = headers.get("authorization", "").partition(" ")
            key = headers.get("x-api-key", token if scheme.lower() == "bearer" else "")
            holder = holder_of(key, self._settings.key_hashes)
            if holder is None and not is_open:
                raise ProblemError(
                    "unauthorised",
                    "Send a valid API key as X-API-Key or as a bearer token.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            notes_of(scope).key_name = holder
        caller = holder or (scope["client"] or ("unknown",))[0]
        if self._limit is None or is_open or self._limiter.hit(self._limit, caller):
            return
        reset, _ = self._limiter.get_window_stats(self._limit, caller)
        wait = max(1, round(reset - time.time()))
        raise ProblemError(
            "rate-limited",
            f"The rate limit ({self._limit}) is reached; retry in {wait} s.",
            headers={"Retry-After": str(wait)},
        )

    def _check_size(self, size: int) -> None:
        if size > self._settings.max_body_bytes:
            raise ProblemError(
                "too-large",
                f"The body is larger than {self._settings.max_body_bytes} bytes.",
                headers={"Connection": "close"},
            )

    def _limited(self, receive: Receive) -> Receive:
        """Wrap the function that receives a request's body, to enforce the limits on the body.

        Returns:
            Function that returns the same messages as ``receive``. It raises a ProblemError if the
            body is larger or arrives more slowly than the settings allow.
        """
        size = 0
        is_complete = False
        deadline = time.monotonic() + self._settings.body_timeout_seconds

        async def receive_limited() -> Message:
            nonlocal size, is_complete
            if is_complete:  # only the end of the connection follows, at any time
                return await receive()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise ProblemError(
                    "too-slow",
                    f"The body did not arrive within {self._settings.body_timeout_seconds:g} s.",
                    headers={"Connection": "close"},
                ) from None
            size += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            self._check_size(size)
            return message

        return receive_limited
