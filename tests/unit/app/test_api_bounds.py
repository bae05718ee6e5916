"""Limits of the API: shares of callers, heavy work, unread answers, addresses, and settings."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from starlette.types import Message

from app.api.bounds.answers import Answers
from app.api.bounds.guard import is_known_host, network_of
from app.api.bounds.lanes import Lane
from app.api.problems import ProblemError
from app.api.settings import load_api_settings, require_keys_for
from rossmann_ml.base.errors import SettingsError

ANSWER_BYTES = 400_000


def test_heavy_work_beyond_the_queue_is_turned_away_at_once() -> None:
    may_end = threading.Event()

    async def ask() -> tuple[list[Any], Any]:
        lane = Lane("questions", waiting=2)
        work = [asyncio.create_task(lane.run(str(n), lambda: may_end.wait(60))) for n in range(4)]
        await asyncio.sleep(0)
        try:
            with pytest.raises(ProblemError) as refused:
                await lane.run("another", lambda: None)
        finally:
            may_end.set()
        done = await asyncio.gather(*work)
        await lane.run("another", lambda: None)
        return done, refused.value

    done, refused = asyncio.run(ask())
    assert done == [True] * 4
    assert (refused.kind, refused.status_code) == ("busy", 429)
    assert refused.headers == {"Retry-After": "5"}
    assert "of all callers" in refused.detail


def test_one_caller_cannot_fill_the_queue() -> None:
    may_end = threading.Event()

    async def ask() -> None:
        lane = Lane("questions", waiting=2)
        work = [asyncio.create_task(lane.run("a", lambda: may_end.wait(60))) for _ in range(2)]
        await asyncio.sleep(0)
        try:
            with pytest.raises(ProblemError, match="of this caller"):
                await lane.run("a", lambda: None)
            work.append(asyncio.create_task(lane.run("b", lambda: may_end.wait(60))))
            await asyncio.sleep(0)
        finally:
            may_end.set()
        await asyncio.gather(*work)

    asyncio.run(ask())


def test_large_answers_are_refused_while_others_are_not_read() -> None:
    async def ask() -> list[list[Message]]:
        answers, may_read = Answers(2 * ANSWER_BYTES + 100), asyncio.Event()

        async def answer(caller: str, size: int, sent: list[Message]) -> None:
            async def send(message: Message) -> None:
                if message.get("more_body") is False and size > 65_536:
                    await may_read.wait()  # as the server does until the caller has read
                sent.append(message)

            bounded = answers.bounded({"type": "http", "path": "/a"}, None, send, caller)  # type: ignore[arg-type]
            await bounded({"type": "http.response.start", "status": 200, "headers": []})
            body = b"x" * size
            await bounded({"type": "http.response.body", "body": body, "more_body": False})

        sent: list[list[Message]] = [[], [], [], []]
        unread = asyncio.create_task(answer("a", ANSWER_BYTES, sent[0]))
        await asyncio.sleep(0)
        refused = asyncio.create_task(answer("a", ANSWER_BYTES, sent[1]))
        await answer("a", 1_000, sent[2])
        may_read.set()
        await asyncio.gather(unread, refused)
        await answer("a", ANSWER_BYTES, sent[3])
        return sent

    sent = asyncio.run(ask())
    assert [messages[0]["status"] for messages in sent] == [200, 429, 200, 200]
    for messages in (sent[0], sent[3]):
        assert sum(len(each.get("body", b"")) for each in messages) == ANSWER_BYTES
    assert (b"retry-after", b"10") in sent[1][0]["headers"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("x" * 6000, "unknown"),
    ],
)
def test_a_caller_is_an_address_or_a_network_of_ipv6(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        ("localhost:8000", True),
        ("127.0.0.1", True),
        ("[::1]:8000", True),
        ("API.example.com", True),
        ("a.stores.example", True),
        ("evil.example", False),
        ("stores.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_the_server_answers_to_its_own_names_only(header: str, *, is_known: bool) -> None:
    names = load_api_settings(allowed_hosts="api.example.com, *.stores.example").host_names
    assert is_known_host(header, names) is is_known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cors_origins", "*"),
        ("allowed_hosts", "*"),
        ("trusted_proxies", "*"),
        ("trusted_proxies", "0.0.0.0/0"),
        ("cors_origins", "null"),
        ("trusted_proxies", "0.0.0.0/1,128.0.0.0/1"),
        ("head_timeout_seconds", "inf"),
        ("max_connections", "99999999999999999"),
    ],
)
def test_a_setting_that_would_open_everything_refuses_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"ROSSMANN_API_{name.upper()}"):
        load_api_settings(**{name: value})


def test_a_server_that_others_reach_needs_keys_or_a_word_that_it_is_open() -> None:
    with pytest.raises(SettingsError, match="ROSSMANN_API_KEYS is empty"):
        require_keys_for(load_api_settings(), "0.0.0.0")
    with pytest.raises(SettingsError, match=r"reaches 10\.0\.0\.5"):
        require_keys_for(load_api_settings(bind_address="10.0.0.5"), "127.0.0.1")
    for api, host in (
        (load_api_settings(), "127.0.0.1"),
        (load_api_settings(), "localhost"),
        (load_api_settings(keys=f"a:{'0' * 64}"), "0.0.0.0"),
        (load_api_settings(allow_without_keys=True), "0.0.0.0"),
        (load_api_settings(bind_address="127.0.0.1"), "0.0.0.0"),
    ):
        require_keys_for(api, host)
