"""ASGI layer that checks host names, API keys, rates, and the size and speed of request bodies."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import limits
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.bounds.answers import Answers
from app.api.bounds.shares import NoShareError, Shares
from app.api.keys import holder_of
from app.api.problems import ProblemError, problem_response
from app.api.records.notes import notes_of
from app.api.settings import ApiSettings

# They say that the process lives and need no work, so nothing may keep them from answering.
_HEALTH_PATHS = frozenset({"/health", "/ready"})
# The documentation needs no key.
_OPEN_PATHS = _HEALTH_PATHS | {"/docs", "/openapi.json"}
_OPEN_FOLDER = "/docs/"
_CALLERS_COUNTED = 10_000


class Guard:
    """ASGI layer that refuses requests without a valid key or above a limit.

    The status is 421 for the name of another server, 401 without a valid key if the settings
    contain keys, 429 above the limits of a caller, 503 above those of all callers together, and 408
    or 413 for a body that arrives too slowly or is too large. Health checks need no key and have no
    limits; the documentation needs no key.

    Args:
        app: Application to wrap.
        settings: API settings with the accepted keys and the limits.
    """

    def __init__(self, app: ASGIApp, *, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._limit = limits.parse(settings.rate_limit) if settings.rate_limit else None
        self._counts: Counter[str] = Counter()  # requests in the window, by caller
        self._window_ends = 0.0
        self._requests = Shares(settings.max_connections)
        self._answers = Answers(settings.max_unread_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, or respond with the reason for refusing it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "")
        try:
            self._check_host(headers.get("host"))
            caller = self._admit(scope, headers)
            self._check_size(int(announced) if announced.isdecimal() else 0)
            if scope["path"] in _HEALTH_PATHS:
                await self._app(scope, self._limited(receive), send)
                return
            with self._requests.taken(caller):
                bounded = self._answers.bounded(scope, receive, send, caller)
                await self._app(scope, self._limited(receive), bounded)
        except NoShareError as error:
            await problem_response(scope["path"], _busy(error))(scope, receive, send)
        except ProblemError as error:
            await problem_response(scope["path"], error)(scope, receive, send)

    def _check_host(self, host: str | None) -> None:
        # a page of another origin can give its own name the address of this server, to read answers
        if host is not None and not is_known_host(host, self._settings.host_names):
            raise ProblemError(
                "unknown-host",
                f"{host[:80]!r} is not a name of this server; ROSSMANN_API_ALLOWED_HOSTS has them.",
            )

    def _admit(self, scope: Scope, headers: Headers) -> str:
        """Check key and rate of a request.

        Returns:
            Name of the caller: the holder of the key, or else the network address.

        Raises:
            ProblemError: The key is not valid, or the caller is above the rate limit.
        """
        path, holder = scope["path"], None
        if self._settings.key_hashes:
            scheme, _, token = headers.get("authorization", "").partition(" ")
            key = headers.get("x-api-key", token if scheme.lower() == "bearer" else "")
            holder = holder_of(key, self._settings.key_hashes)
        notes = notes_of(scope)
        notes.key_name = holder
        # a holder's name has no colon
        notes.caller = holder or f"address:{network_of((scope['client'] or ('unknown',))[0])}"
        if path not in _HEALTH_PATHS:
            self._count(notes.caller)
        is_open = path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)
        if self._settings.key_hashes and holder is None and not is_open:
            raise ProblemError(
                "unauthorised",
                "Send a valid API key as X-API-Key or as a bearer token.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return notes.caller

    def _count(self, caller: str) -> None:
        # the storage in memory of the library starts a thread for almost every request
        if self._limit is None:
            return
        now = time.monotonic()
        if now >= self._window_ends:
            self._counts.clear()
            self._window_ends = now + self._limit.get_expiry()
        if len(self._counts) >= _CALLERS_COUNTED:
            self._counts.clear()  # bounds the memory; counting begins again for all callers
        self._counts[caller] += 1
        if self._counts[caller] <= self._limit.amount:
            return
        wait = math.ceil(self._window_ends - now)
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


def _busy(error: NoShareError) -> ProblemError:
    return ProblemError(
        "overloaded" if error.is_full else "busy",
        f"Too many requests of {error.whose} are being answered; retry.",
        headers={"Retry-After": "5"},
    )


def is_known_host(header: str, names: Iterable[str]) -> bool:
    """Return whether the header ``Host`` names this server.

    Numeric addresses always do, because no page can make them its own name.

    Args:
        header: Value of the header: a name or an address, with or without a port.
        names: Names of the server in lower case; ``*.example.com`` means all names below.
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    try:
        ip_address(name)
    except ValueError:
        return any(
            name == each or (each.startswith("*.") and name.endswith(each[1:])) for each in names
        )
    return True


def network_of(address: str) -> str:
    """Return the network address whose requests count as those of one caller.

    It is the address itself, but of IPv6 the first 64 bits, because a caller has all addresses
    below them. Text that is no address counts as one caller.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((int(parsed), 64), strict=False))
    return str(parsed)
