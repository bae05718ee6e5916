"""Flood the API with what its callers must not be able to do to each other: `make load`.

    python -m pytest tests/faults/flood.py -s

The server reads a copy of the published files of the settings; use a chain of real size. Before and
during a flood another process asks `/health` and a store's forecast again and again, on a new
connection each time. Each test prints its times and the largest memory of the server.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from support.servers import listener_of, serving

from rossmann_ml.base.settings import load_settings

PATHS = ("/health", "/stores/1/forecast")
_SLOWEST_HEALTH_MILLISECONDS = 100
_LARGEST_MEMORY_MB = 1_000
_is_done: Event


@dataclass
class Looks:
    """What another process has seen.

    Attributes:
        milliseconds: Times of the answers, by path.
        memory: Largest memory of the server in MB.
    """

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {p: [] for p in PATHS})
    memory: float = 0.0

    def median(self, path: str) -> float:
        """Return the median time of a path in milliseconds."""
        times = sorted(self.milliseconds[path])
        return times[len(times) // 2]


def _share(is_done: Event) -> None:
    global _is_done  # noqa: PLW0603 - a process of a pool has no other place
    _is_done = is_done


def look(address: str, seconds: float) -> Looks:
    """Look until the flood is over, or so many seconds."""
    found, until = Looks(), time.monotonic() + seconds
    server = psutil.Process(listener_of(address))
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=address, timeout=120, limits=limits) as client:
        while time.monotonic() < until and not _is_done.is_set():
            for path, times in found.milliseconds.items():
                began = time.perf_counter()
                client.get(path).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
            found.memory = max(found.memory, server.memory_info().rss / 1e6)
            time.sleep(0.05)
    return found


@contextmanager
def watching(address: str, flood: str) -> Iterator[Counter[int]]:
    """Look before and during a flood, print what was seen, and fail if it was too slow.

    Yields:
        Number of answers to the flood by HTTP status, which the block counts.
    """
    statuses: Counter[int] = Counter()
    context = multiprocessing.get_context("spawn")
    is_done = context.Event()
    with ProcessPoolExecutor(1, context, initializer=_share, initargs=(is_done,)) as process:
        before = process.submit(look, address, 3).result()
        looking = process.submit(look, address, 600)
        try:
            yield statuses
        finally:
            is_done.set()
        during = looking.result()
    seen = ", ".join(
        f"{path} {during.median(path):.0f} (before {before.median(path):.0f}), longest "
        f"{max(during.milliseconds[path]):.0f}"
        for path in PATHS
    )
    print(f"\n{flood}: {dict(statuses)}; ms: {seen}; memory {during.memory:.0f} MB")
    assert during.median("/health") < _SLOWEST_HEALTH_MILLISECONDS
    assert during.memory < _LARGEST_MEMORY_MB


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("flood")
    shutil.copytree(load_settings().published_path, folder / "warehouse" / "published")
    log = folder / "api.log"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ROSSMANN_STATE_DIR", str(folder / "state"))
        with serving("api", folder / "warehouse", ready="/health", log=log) as address:
            deadline = time.monotonic() + 240
            while httpx.get(f"{address}/ready").json()["what_if"] == "loading":
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield address


@pytest.mark.parametrize("questions", [60, 150])
def test_what_if_questions_about_all_stores(address: str, questions: int) -> None:
    async def flood() -> None:
        limits = httpx.Limits(max_connections=questions)
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
            ask = (client.post("/predict_batch", json={}) for _ in range(questions))
            for answer in await asyncio.gather(*ask):
                statuses[answer.status_code] += 1

    with watching(address, f"{questions} what-if questions at once") as statuses:
        asyncio.run(flood())
    assert set(statuses) == {200, 429}


async def _hold(address: str, number: int, text: bytes, seconds: float) -> None:
    """Open connections, write to each, never read, and close them after some seconds."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    writers = []
    for _ in range(number):
        _, writer = await asyncio.open_connection(host, port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(text)
        writers.append(writer)
    await asyncio.sleep(seconds)
    for each in writers:
        each.transport.abort()


HELD = {
    "1,000 silent connections": (1_000, b""),
    "1,000 connections with half a head": (1_000, b"GET /health HTTP/1.1\r\nX-Slow: "),
    "150 that do not read 100,000 rows": (
        150,
        b"GET /forecasts?limit=100000&origin=all&format=json HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_connections_that_only_hold(address: str, name: str) -> None:
    number, text = HELD[name]
    seconds = float(os.environ.get("ROSSMANN_FLOOD_SECONDS", "80"))
    with watching(address, name):
        asyncio.run(_hold(address, number, text, seconds))
