"""Connections to a real server: slow, silent and large ones, and bytes that are not HTTP."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from support.servers import serving

from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration

Published = tuple[Settings, PublishedGeneration]
MOST_CONNECTIONS = 60


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "api.log"


@pytest.fixture(scope="module")
def server(shared_published: Published, log: Path) -> Iterator[str]:
    """Yield the address of a real server with short limits."""
    limits = {
        "BODY_TIMEOUT_SECONDS": 2,
        "HEAD_TIMEOUT_SECONDS": 3,
        "SEND_TIMEOUT_SECONDS": 3,
        "MAX_CONNECTIONS": MOST_CONNECTIONS,
        "RATE_LIMIT": "",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in limits.items():
            patched.setenv(f"ROSSMANN_API_{name}", str(value))
        patched.setenv("ROSSMANN_STATE_DIR", str(log.parent))
        warehouse = shared_published[0].warehouse_path
        with serving("api", warehouse, ready="/health", log=log) as address:
            yield address


def connection_to(address: str, text: bytes = b"", *, of: str = "127.0.0.1") -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.settimeout(60)
    opened.bind((of, 0))
    opened.connect((host, int(port)))
    opened.sendall(text)
    return opened


def is_reset(opened: socket.socket, seconds: float = 30) -> bool:
    """Return whether the server gives a connection up, without reading from it."""
    poll = select.poll()
    poll.register(opened, 0)  # errors alone
    return bool(poll.poll(seconds * 1000))


def answer_to(address: str, text: bytes) -> tuple[bytes, bytes]:
    """Send bytes, and return head and body of all that the server sends until it closes."""
    received = b""
    with connection_to(address, text) as opened, suppress(ConnectionResetError):
        while piece := opened.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


HALF_A_HEAD = b"GET /stores HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HALF_A_BODY = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 500\r\n\r\n{"
)
# 13 MB, more than the system keeps for a caller
MANY_ANSWERS = b"GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 9


def test_slow_clients_do_not_delay_others(server: str) -> None:
    with ExitStack() as slow:
        for text in (HALF_A_HEAD, HALF_A_BODY, MANY_ANSWERS):
            for _ in range(15):
                slow.enter_context(connection_to(server, text, of="127.0.0.2"))
        with httpx.Client(base_url=server, timeout=60) as client:
            for _ in range(30):
                assert client.get("/stores/1/forecast").status_code == 200
                assert client.get("/forecasts", params={"limit": 5}).status_code == 200


def test_a_body_that_does_not_arrive_times_out(server: str) -> None:
    head, body = answer_to(server, HALF_A_BODY)
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"urn:rossmann:problem:too-slow" in body
    assert b"The body did not arrive within 2 s." in body


def test_a_connection_that_sends_no_request_is_closed(server: str) -> None:
    with ExitStack() as silent:
        texts = (b"", HALF_A_HEAD, b"\r\n")
        opened = [silent.enter_context(connection_to(server, text)) for text in texts]
        assert all(is_reset(each) for each in opened)


def test_an_answer_that_is_not_read_is_given_up(server: str) -> None:
    with connection_to(server, MANY_ANSWERS) as unread:
        assert is_reset(unread)


def test_requests_of_a_connection_that_was_dropped_are_no_errors_in_the_log(
    server: str, log: Path
) -> None:
    request = b"GET /stores/1/forecast HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(5):
        answer_to(server, request * 40)
    httpx.get(f"{server}/stores/1/forecast", timeout=60)  # ends after those before it
    assert "Traceback" not in log.read_text()


def test_silent_connections_do_not_shut_others_out(server: str) -> None:
    with ExitStack() as silent:
        opened = [
            silent.enter_context(connection_to(server, HALF_A_HEAD))
            for _ in range(2 * MOST_CONNECTIONS)
        ]
        for _ in range(3):
            assert httpx.get(f"{server}/stores/1", timeout=60).status_code == 200
        assert is_reset(opened[0])  # the one that has waited longest made room


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"HELLO\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 131_100, 431),
    ],
)
def test_bytes_that_are_no_request_get_problem_details(
    server: str, text: bytes, status: int
) -> None:
    head, body = answer_to(server, text)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert b"x-request-id: " in head
    assert json.loads(body)["status"] == status


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: str) -> None:
    text = HALF_A_BODY.replace(b"500", b"50000000")
    assert answer_to(server, text)[0].startswith(b"HTTP/1.1 413 ")


def test_head_has_the_headers_of_get_and_no_body(server: str) -> None:
    with httpx.Client(base_url=server, timeout=60) as client:
        for path in ("/stores/1/forecast", "/forecasts", "/health"):
            asked, told = client.get(path), client.head(path)
            assert told.status_code == asked.status_code == 200
            assert told.headers["content-length"] == str(len(asked.content))
            assert told.content == b""
        assert client.head("/predict").status_code == 405


def test_requests_of_one_connection_are_measured_each(server: str) -> None:
    with httpx.Client(base_url=server, timeout=60) as client:
        for _ in range(3):
            assert client.get("/stores/1", headers={"X-Long": "x" * 60_000}).status_code == 200
