"""Connections whose callers send or read at odd times, on real sockets with a small application."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.api.bounds.connections import BoundedProtocol, ConnectionLimits

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n" + b"x" * 10
GET_AND_CLOSE = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class SmallServer:
    """Server of an application whose answers wait until ``may_answer`` is set.

    Args:
        body_bytes: Size of the answers in bytes; half of each is sent before it waits.
        most: Largest number of connections.
        send_seconds: Seconds in which an answer must be read.
    """

    def __init__(self, *, body_bytes: int = 10, most: int = 100, send_seconds: float = 60) -> None:
        self.may_answer = asyncio.Event()
        self.headers: list[list[tuple[bytes, bytes]]] = []
        self.limits = ConnectionLimits(
            most, head_seconds=60, body_seconds=60, send_seconds=send_seconds, most_bytes=1_000_000
        )
        self.protocols: weakref.WeakSet[BoundedProtocol] = weakref.WeakSet()
        self.made = 0
        self._body = b"x" * body_bytes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._config = uvicorn.Config(
            self.answer, interface="asgi3", ws="none", lifespan="off", log_config=None
        )
        self._config.load()
        self._state = ServerState()
        self._opened: list[socket.socket] = []

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.headers.append(scope["headers"])
        size = str(len(self._body)).encode()
        start = {"status": 200, "headers": [(b"content-length", size)]}
        await send({"type": "http.response.start", **start})
        half = len(self._body) // 2
        await send({"type": "http.response.body", "body": self._body[:half], "more_body": True})
        await self.may_answer.wait()
        await send({"type": "http.response.body", "body": self._body[half:]})

    def protocol(self) -> BoundedProtocol:
        made = BoundedProtocol(
            limits=self.limits, config=self._config, server_state=self._state, app_state={}
        )
        self.protocols.add(made)
        self.made += 1
        return made

    def connect(self, text: bytes = b"") -> socket.socket:
        opened = socket.socket()
        self._opened.append(opened)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.connect(self._listening.getsockname())
        opened.sendall(text)
        opened.setblocking(False)
        return opened

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self.protocol, sock=self._listening)
        try:
            yield
        finally:
            self.may_answer.set()
            server.close()
            for each in list(self._state.connections):
                each.transport.abort()
            for opened in self._opened:
                opened.close()
            await asyncio.sleep(0)


def run(scenario: Callable[..., Awaitable[None]], **server: Any) -> None:
    """Run a scenario with a server."""

    async def on_a_server() -> None:
        small = SmallServer(**server)
        async with small.running():
            await asyncio.wait_for(scenario(small), timeout=5)

    asyncio.run(on_a_server())


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.005)


async def read_all(opened: socket.socket, most: int = 10_000_000) -> tuple[bytes, bool]:
    """Return what the server sends, and whether it resets the connection at the end."""
    received = b""
    try:
        while len(received) < most and (
            piece := await asyncio.get_running_loop().sock_recv(opened, min(most, 4096))
        ):
            received += piece
    except ConnectionResetError:
        return received, True
    return received, False


def reset(opened: socket.socket) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    opened.close()


def test_connections_that_come_at_once_make_room_for_each_other() -> None:
    async def burst(server: SmallServer) -> None:
        opened = [server.connect() for _ in range(9)]  # the server accepts them at once
        await until(lambda: server.made == 9)
        await asyncio.sleep(0.05)
        assert len(server.limits.waiting) == 3
        assert [(await read_all(each))[1] for each in opened[:6]] == [True] * 6

    run(burst, most=3)


def test_a_connection_too_many_is_closed_if_all_others_are_answered() -> None:
    async def full(server: SmallServer) -> None:
        answered = [server.connect(GET) for _ in range(2)]
        await until(lambda: len(server.headers) == 2)
        assert await read_all(server.connect(GET)) == (b"", True)
        server.may_answer.set()
        assert all([(await read_all(each, len(ANSWER)))[0] == ANSWER for each in answered])

    run(full, most=2)


def test_a_connection_that_is_not_read_makes_room_if_none_waits_for_a_request() -> None:
    async def full(server: SmallServer) -> None:
        unread = [server.connect(GET_AND_CLOSE) for _ in range(2)]
        await until(lambda: len(server.limits.stalled) == 2)
        other = server.connect(GET)
        assert (await read_all(unread[0]))[1]
        assert (await read_all(other, len(ANSWER)))[0].startswith(b"HTTP/1.1 200 ")

    run(full, most=2, body_bytes=300_000)


def test_a_body_that_does_not_arrive_makes_room_if_none_waits_for_a_request() -> None:
    async def full(server: SmallServer) -> None:
        server.may_answer.set()
        post = GET.replace(b"GET", b"POST")[:-2] + b"Content-Length: 5\r\n\r\n1"
        stalled = [server.connect(post) for _ in range(2)]
        await until(lambda: len(server.limits.stalled) == 2)
        assert (await read_all(server.connect(GET), len(ANSWER)))[0] == ANSWER
        assert (await read_all(stalled[0]))[1]

    run(full, most=2)


def test_the_end_of_a_last_answer_must_be_read_in_time_too() -> None:
    async def slow(server: SmallServer) -> None:
        server.may_answer.set()
        opened = server.connect(GET_AND_CLOSE)
        await until(lambda: server.made == 1)
        (protocol,) = server.protocols
        while protocol.transport.get_write_buffer_size() not in range(1, 16_384):
            await read_all(opened, 1_000)  # so that less is left than the server pauses for
        await until(lambda: not server.limits.waiting)
        assert (await read_all(opened))[1]

    run(slow, body_bytes=300_000, send_seconds=0.2)


def test_nine_requests_may_be_sent_ahead_of_their_answers_and_not_ten() -> None:
    async def pipeline(server: SmallServer) -> None:
        assert await read_all(server.connect(GET * 10)) == (b"", True)
        server.may_answer.set()
        assert (await read_all(server.connect(GET * 9), 9 * len(ANSWER)))[0] == 9 * ANSWER

    run(pipeline)


def test_bytes_that_are_no_request_put_no_words_into_another_answer() -> None:
    async def confuse(server: SmallServer) -> None:
        opened = server.connect(GET)
        await until(lambda: len(server.headers) == 1)
        await asyncio.get_running_loop().sock_sendall(opened, b"HELLO\r\n\r\n")
        received, is_reset = await read_all(opened)
        assert is_reset
        assert received.count(b"HTTP/1.1 ") <= 1

    run(confuse)


def test_a_head_is_measured_also_if_it_arrives_as_a_whole() -> None:
    async def at_once(server: SmallServer) -> None:
        opened = server.connect()
        await until(lambda: len(server.protocols) == 1)
        (protocol,) = server.protocols
        protocol.data_received(GET[:-2] + b"X-Long: " + b"x" * 140_000 + b"\r\n\r\n")
        assert (await read_all(opened))[0].startswith(b"HTTP/1.1 431 ")
        assert server.headers == []

    run(at_once)


def test_fields_after_a_body_are_no_headers() -> None:
    async def trail(server: SmallServer) -> None:
        text = GET.replace(b"GET", b"POST")[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
        server.connect(text + b"0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        await until(lambda: len(server.headers) == 1)
        assert b"x-forwarded-for" not in dict(server.headers[0])

    run(trail)


def test_nothing_is_kept_of_a_connection_that_its_caller_has_reset() -> None:
    async def leave(server: SmallServer) -> None:
        pipelined = server.connect(GET + GET)
        await until(lambda: len(server.headers) == 1)
        reset(pipelined)
        await until(lambda: not server.limits.waiting and not server._state.connections)
        server.may_answer.set()
        answered = server.connect(GET)
        await read_all(answered, len(ANSWER))
        reset(answered)
        await until(lambda: not server._state.connections)
        await asyncio.sleep(0.05)
        gc.collect()
        assert not server.protocols

    run(leave)
