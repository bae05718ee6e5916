"""Bound the bytes of answers that callers have not read yet.

The time for reading is bounded in :mod:`app.api.bounds.connections`.
"""

from __future__ import annotations

from starlette.types import Message, Receive, Scope, Send

from app.api.bounds.shares import NoShareError, Shares
from app.api.problems import ProblemError, problem_response

# the server buffers as much for each connection in any case
_SMALL_BYTES = 65_536


class Answers:
    """Answers in memory that are larger than 64 kB, until their callers have read them.

    Args:
        most_bytes: Largest number of bytes of all such answers; one caller may use half of it.
    """

    def __init__(self, most_bytes: int) -> None:
        self._bytes = Shares(most_bytes)

    def bounded(self, scope: Scope, receive: Receive, send: Send, caller: str) -> Send:
        """Wrap the function that sends a response, to count its bytes until the caller has them.

        Args:
            scope: ASGI scope of the request.
            receive: Function that receives the request.
            send: Function that sends the response.
            caller: Key holder or address of the caller.

        Returns:
            Function that sends the same messages; instead of a response for which there is no room
            it sends status 429.
        """
        start: Message | None = None  # is sent with the first part of the body
        is_refused = False

        async def send_bounded(message: Message) -> None:
            nonlocal start, is_refused
            if message["type"] == "http.response.start":
                start = message
                return
            if is_refused:
                return
            begin, start = start, None
            size = len(message.get("body", b""))
            # the server takes a further part of a stream only when the caller has read the former
            if begin is None or size <= _SMALL_BYTES:
                if begin is not None:
                    await send(begin)
                await send(message)
                return
            try:
                with self._bytes.taken(caller, size):
                    await send(begin)
                    await send({**message, "more_body": True})
                    # the server takes this message when the caller has read most of the body
                    await send({**message, "body": b""})
            except NoShareError:
                is_refused = True
                error = ProblemError(
                    "busy",
                    "Other large responses have not been read yet; retry, or ask for fewer rows.",
                    headers={"Retry-After": "10"},
                )
                await problem_response(scope["path"], error)(scope, receive, send)

        return send_bounded
