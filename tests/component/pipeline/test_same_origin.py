"""Which requests reach Dagster's web server."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from assets.same_origin import SameOrigin

OWN = "http://127.0.0.1:3000"
OTHER = "http://evil.example"
QUERY = "/graphql?query=mutation{launchRun}"


async def answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("passed")


async def listen(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("passed")
    await websocket.close()


@pytest.fixture
def client() -> TestClient:
    routes = [
        Route("/graphql", answer, methods=["GET", "POST"]),
        WebSocketRoute("/graphql", listen),
        Route("/{path:path}", answer, methods=["GET", "POST"]),
    ]
    guarded = SameOrigin(Starlette(routes=routes), hosts=["127.0.0.1", "::1"])
    return TestClient(guarded, base_url=OWN)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", QUERY, {}, 405),
        ("HEAD", QUERY, {}, 405),
        ("GET", QUERY, {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, 405),
        ("POST", "/graphql", {"Origin": OTHER}, 403),
        ("POST", "/graphql", {"Origin": "null"}, 403),
        ("POST", "/graphql", {"Origin": "http://127.0.0.1:8501"}, 403),
        ("POST", "/graphql", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 403),
        ("POST", "/report_asset_materialization/x", {"Origin": OTHER}, 403),
        ("GET", "/runs", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", "/logs/x", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "image"}, 403),
        ("POST", "/graphql", {"Host": "evil.example:3000", "Origin": f"{OTHER}:3000"}, 400),
        ("GET", "/runs", {"Host": "127.0.0.1.evil.example"}, 400),
        ("GET", "/runs", {"Host": "[::1"}, 400),
        ("GET", "/runs", {"Host": "evil.example@127.0.0.1"}, 400),
        ("GET", "/runs", {"Host": "127.0.0.1#.evil.example"}, 400),
        ("POST", "/graphql", {"Origin": "http://["}, 403),
        ("POST", "/graphql", {"Origin": ""}, 403),
        ("POST", "/graphql", {"Sec-Fetch-Site": "Cross-Site"}, 403),
        ("POST", "/graphql", [("Host", "127.0.0.1"), ("Host", "evil.example")], 400),
        ("POST", "/graphql", [("Origin", OWN), ("Origin", OTHER)], 403),
    ],
)  # fmt: skip
def test_what_a_page_of_another_origin_can_send_is_refused(
    client: TestClient,
    method: str,
    path: str,
    headers: dict[str, str] | list[tuple[str, str]],
    status: int,
) -> None:
    assert client.request(method, path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", {}),  # a program
        ("POST", "/graphql", {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}),
        ("POST", "/graphql", {"Host": "[::1]:3000", "Origin": "http://[::1]:3000"}),
        ("POST", "/graphql", {"Host": "127.0.0.1", "Origin": "https://127.0.0.1"}),  # by a proxy
        ("GET", "/graphql", {"Accept": "text/html,*/*", "Sec-Fetch-Site": "none"}),  # GraphiQL
        ("GET", "/runs", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}),  # a link
    ],
)  # fmt: skip
def test_own_pages_programs_and_links_pass_and_no_page_is_framed(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    passed = client.request(method, path, headers=headers)
    assert passed.text == "passed"
    assert passed.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("address", "origin", "opens"),
    [
        ("ws://127.0.0.1:3000/graphql", OWN, True),
        ("ws://127.0.0.1:3000/graphql", OTHER, False),
        ("ws://evil.example:3000/graphql", f"{OTHER}:3000", False),
    ],
)
def test_a_websocket_opens_for_own_pages_only(
    client: TestClient, address: str, origin: str, *, opens: bool
) -> None:
    with (
        nullcontext() if opens else pytest.raises(WebSocketDisconnect),
        client.websocket_connect(address, headers={"Origin": origin}) as socket,
    ):
        assert socket.receive_text() == "passed"
