"""Read API and dashboard with many clients while generations are published: `make load`.

    python -m pytest tests/faults/load.py --minutes 10 --connections 64 --sessions 20 -s

The tests use a copy of the warehouse of the settings. Every publication scales the lower end of the
95% range of all open days by its own factor, so that an answer shows from which generation it is.
Each test prints answers, times, memory and open files.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from support.browser import visit
from support.publisher import Publisher
from support.servers import listener_of, serving

from app.dashboard.page import pages
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import Settings, load_settings

_WARM_UP_SECONDS = 30
# Streamlit keeps at most so many sessions of visitors who left, with three open files each
_SESSIONS_KEPT = 128


@dataclass
class Answer:
    """One answer of the API.

    Attributes:
        generation: Id of the generation that it names.
        factors: Ratios of the lower ends of the 95% and 80% ranges in its rows.
        milliseconds: Time until it was complete.
        at: When it was complete, in seconds of the monotonic clock.
    """

    generation: str
    factors: frozenset[float]
    milliseconds: float
    at: float


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    given = load_settings()
    copy = given.model_copy(
        update={"warehouse_dir": tmp_path / "warehouse", "state_dir": tmp_path / "state"}
    )
    shutil.copytree(given.warehouse_path, copy.warehouse_path)
    copy.state_path.mkdir()
    return copy


@pytest.fixture
def publisher(settings: Settings, pytestconfig: pytest.Config) -> Publisher:
    """A publisher that has published once."""
    params = load_params(settings.params_path)
    publisher = Publisher(settings, params, pytestconfig.getoption("--every"))
    publisher.publish()
    return publisher


def test_every_answer_of_the_api_is_whole_and_of_the_generation_that_it_names(
    settings: Settings,
    publisher: Publisher,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connections = pytestconfig.getoption("--connections")
    monkeypatch.setenv("ROSSMANN_API_RATE_LIMIT", "")  # all requests come from one address
    log = settings.state_path / "api.log"
    faults: list[str] = []
    with serving("api", settings.warehouse_path, ready="/health", log=log) as address:
        rows = httpx.get(f"{address}/stores", params={"is_forecast": True, "limit": 2000}).json()
        stores = [row["store_id"] for row in rows["rows"]]
        asyncio.run(_query_with_many(address, stores, _WARM_UP_SECONDS, connections, []))
        before = _use_of(address)
        with publisher.at_work():
            seconds = pytestconfig.getoption("--minutes") * 60
            answers = asyncio.run(_query_with_many(address, stores, seconds, connections, faults))
        after = _use_of(address)
    if publisher.error is not None:
        raise publisher.error
    whole = Counter((answer.generation, answer.factors) for answer in answers)
    for (generation, factors), count in whole.items():
        if factors != {round(publisher.shares[generation], 6)}:
            faults.append(f"{count} answers of {generation} hold {sorted(factors)}")
    _print("API, one worker", [answer.milliseconds for answer in answers], before, after)
    print(f"visible after a publication: {_visible_after(publisher, answers)}")
    assert faults == []


async def _query(
    client: httpx.AsyncClient,
    stores: list[int],
    until: float,
    answers: list[Answer],
    faults: list[str],
) -> None:
    while time.monotonic() < until:
        store = random.choice(stores)
        is_one_store = random.random() < 0.8
        path = (
            f"/stores/{store}/forecast"
            if is_one_store
            else f"/forecasts?store_id={store}&limit=100"
        )
        began = time.perf_counter()
        try:
            response = await client.get(path)
            body = response.raise_for_status().json()
            named = body["provenance"]["generation_id"]
            if response.headers["etag"].strip('"') != named:
                faults.append(f"{path}: the tag is not {named}")
            factors = frozenset(
                round(row["lower_95"] / row["lower_80"], 6)
                for row in body["days" if is_one_store else "rows"]
                if row["is_open"]
            )
        except (httpx.HTTPError, ValueError, KeyError) as error:
            faults.append(f"{path}: {error!r}")
            continue
        took = (time.perf_counter() - began) * 1000
        answers.append(Answer(named, factors, took, time.monotonic()))


async def _query_with_many(
    address: str, stores: list[int], seconds: float, connections: int, faults: list[str]
) -> list[Answer]:
    answers: list[Answer] = []
    until = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        await asyncio.gather(
            *(_query(client, stores, until, answers, faults) for _ in range(connections))
        )
    return answers


def _visible_after(publisher: Publisher, answers: list[Answer]) -> str:
    """Median and longest time from a publication to the first answer from it."""
    first: dict[str, float] = {}
    for answer in answers:
        first[answer.generation] = min(answer.at, first.get(answer.generation, answer.at))
    # an answer before the end of the publication counts as visible at once
    waits = sorted(
        max(0.0, seen - publisher.published_at[generation])
        for generation, seen in first.items()
        if publisher.published_at[generation] > answers[0].at
    )
    return f"{waits[len(waits) // 2]:.2f} s, {waits[-1]:.2f} s" if waits else "nothing published"


def test_every_page_of_the_dashboard_opens(
    settings: Settings, publisher: Publisher, pytestconfig: pytest.Config
) -> None:
    sessions = pytestconfig.getoption("--sessions")
    log = settings.state_path / "dashboard.log"
    faults: list[str] = []
    milliseconds: list[float] = []
    with (
        serving("dashboard", settings.warehouse_path, ready="/_stcore/health", log=log) as address,
        visit(address) as first,
    ):
        visitors = [first, *(first.of_someone_else() for _ in range(sessions - 1))]
        for _ in range(2 + _SESSIONS_KEPT // sessions):
            for visitor in visitors:
                visitor.open("")
        before = _use_of(address)
        until = time.monotonic() + pytestconfig.getoption("--minutes") * 60
        with publisher.at_work():
            # visitors go from page to page in turn; the others' sessions stay open
            for page, visitor in itertools.cycle(itertools.product(list(pages())[1:], visitors)):
                if time.monotonic() > until:
                    break
                began = time.perf_counter()
                try:
                    visitor.open(page)
                except Exception as error:
                    faults.append(f"{page}: {error!r}")
                milliseconds.append((time.perf_counter() - began) * 1000)
        after = _use_of(address)
    if publisher.error is not None:
        raise publisher.error
    _print("dashboard", milliseconds, before, after)
    assert faults == []


def _print(
    server: str,
    milliseconds: Sequence[float],
    before: tuple[float, int],
    after: tuple[float, int],
) -> None:
    times = sorted(milliseconds)
    print(
        f"\n{server}: {len(times):,} answers, median {times[len(times) // 2]:,.0f} ms, "
        f"99% {times[int(len(times) * 0.99)]:,.0f} ms; memory {before[0]:,.0f} to {after[0]:,.0f} "
        f"MB, open files {before[1]} to {after[1]}"
    )


def _use_of(address: str) -> tuple[float, int]:
    """Return megabytes and open files of the processes that listen at an address."""
    server = psutil.Process(listener_of(address))
    processes = [server, *server.children(recursive=True)]
    return (
        sum(process.memory_info().rss for process in processes) / 1e6,
        sum(process.num_fds() for process in processes),
    )
