"""Bound what a network connection may hold: time, bytes and places.

:class:`BoundedProtocol` extends the HTTP protocol of uvicorn, which has no time limit for the head
of a request and for reading a response, and no limit for the size of a head. The size and speed of
a body are checked in :mod:`app.api.bounds.guard`, too, with an answer in words.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.problems import MEDIA_TYPE

# uvicorn warns of every request that is not HTTP, with which callers could fill the log
_LOG = logging.getLogger(__name__)
_LOG.setLevel(logging.ERROR)
# an address may have 64 kB; browsers and proxies send a few kB of headers
_HEAD_BYTES = 131_072
_BODY_GRACE_SECONDS = 5.0  # the guard answers in words before
_MOST_PIPELINED = 8  # a read has room for thousands of small requests


@dataclass
class ConnectionLimits:
    """Limits of all connections of a server.

    Attributes:
        most: Largest number of connections. A further one closes the connection that has waited
            longest for its caller: for a request, or else for the rest of a body or for the reading
            of a response. If none waits, the further one is closed.
        head_seconds: Number of seconds in which the head of a request must arrive, also the first
            one of a connection.
        body_seconds: The same for a body.
        send_seconds: Number of seconds in which a caller must read a response.
        most_bytes: Largest size of a request in bytes.
        waiting: Connections that wait for a request, or close when their last response is read;
            the one that has waited longest first.
        stalled: Connections with a body that is not complete, or a response that is not read, in
            the same order.
    """

    most: int
    head_seconds: float
    body_seconds: float
    send_seconds: float
    most_bytes: int
    waiting: dict[BoundedProtocol, None] = field(default_factory=dict)
    stalled: dict[BoundedProtocol, None] = field(default_factory=dict)


class BoundedProtocol(HttpToolsProtocol):
    """HTTP protocol of one connection, with limits.

    Args:
        limits: Limits that all connections share.
        **server: Arguments of uvicorn's protocol.
    """

    def __init__(self, *, limits: ConnectionLimits, **server: Any) -> None:
        super().__init__(**server)
        self.logger = _LOG
        self._limits = limits
        self._receiving: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None
        self._is_head = True
        self._bytes = 0
        self._answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; make room for this connection if there are too many."""
        super().connection_made(transport)
        limits = self._limits
        if len(self.connections) > limits.most:
            next(chain(limits.waiting, limits.stalled, (self,))).drop()
        if not self.transport.is_closing():
            limits.waiting[self] = None
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what the connection holds."""
        self._leave()
        self._stop_receiving()
        self._stop_sending()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it after an error

    def data_received(self, data: bytes) -> None:
        """Parse bytes of a request; close the connection if there are too many."""
        self._bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._bytes > (_HEAD_BYTES if self._is_head else self._limits.most_bytes):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large.")
        elif self._receiving is None and self in self._limits.waiting:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header; those that follow a body in chunks are ignored."""
        if self._is_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Answer the request, and begin to wait for its body.

        Raises:
            ConnectionAbortedError: The connection is closed; this ends the parsing.
        """
        head_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if head_bytes > _HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large.")
        elif len(self.pipeline) >= _MOST_PIPELINED:
            self.drop()
        if self.transport.is_closing():
            raise ConnectionAbortedError
        self._is_head = False
        self._limits.waiting.pop(self, None)
        self._limits.stalled[self] = None
        self._stop_receiving()
        self._receiving = self._later(
            self._limits.body_seconds + _BODY_GRACE_SECONDS, self._receiving_took_too_long
        )
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self._is_head, self._bytes = True, 0
        self._limits.stalled.pop(self, None)
        self._stop_receiving()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, or for the caller to read the last response."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_closing()
        elif self.cycle.response_complete:
            self._limits.waiting[self] = None

    def pause_writing(self) -> None:
        """Begin to wait for the caller to read the response."""
        super().pause_writing()
        self._limits.stalled[self] = None
        self._await_reading()

    def resume_writing(self) -> None:
        """Note that the caller has read most of the response."""
        super().resume_writing()
        self._limits.stalled.pop(self, None)
        if not self.transport.is_closing():  # then the rest must be read in time, too
            self._stop_sending()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has sent no request for a while."""
        if self.transport.get_write_buffer_size():
            self.drop()
        else:
            super().timeout_keep_alive_handler()

    def drop(self) -> None:
        """Close the connection at once; bytes that the caller has not read are lost."""
        self._leave()
        opened = self.transport.get_extra_info("socket")
        if opened is not None:  # else the system would keep these bytes for the caller
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP with problem details, and close the connection."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self.pipeline or self.cycle.response_started or not self.cycle.more_body:
                self.drop()  # the words would be taken for a part of another response
                return
            self.cycle.disconnected = True  # so that no second response follows
        problem = {
            "type": f"urn:rossmann:problem:{status.phrase.lower().replace(' ', '-')}",
            "title": status.phrase,
            "status": status,
            "detail": detail,
        }
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {uuid.uuid4().hex}\r\n"
            "x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
        self._await_closing()

    def _await_head(self) -> None:
        self._receiving = self._later(self._limits.head_seconds, self._receiving_took_too_long)

    def _await_closing(self) -> None:
        self._limits.waiting[self] = None
        self._await_reading()

    def _await_reading(self) -> None:
        if self._sending is None:
            self._sending = self._later(self._limits.send_seconds, self.drop)

    def _receiving_took_too_long(self) -> None:
        self._receiving = None
        if self.flow.read_paused:  # this server does not read: a former request is being answered
            self._await_head()
        else:
            self.drop()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _leave(self) -> None:
        self._limits.waiting.pop(self, None)
        self._limits.stalled.pop(self, None)
        if self._answering is not None:
            # uvicorn notes it for the newest request only, and would answer others to no one
            self._answering.disconnected = True
            self._answering.message_event.set()

    def _later(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, act)

    def _stop_receiving(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
