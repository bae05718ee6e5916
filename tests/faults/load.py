"""``make load``: many readers for minutes while generations are published every few seconds.

    PYTHONPATH=tests python tests/faults/load.py --minutes 10 --connections 64 --sessions 20

On a copy of the warehouse of the settings. Every answer must come whole from the generation that
it names: each publication moves the lower end of the 95% range of every open day by a share of its
own. The result goes where the soak keeps its own, for ``docs/reliability.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import psutil
from soak import append
from support.browser import Visit, visit
from support.publisher import Publisher
from support.servers import serving

from app.dashboard.page import pages
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings, load_settings

_PAGES = list(pages())[1:]  # the first is where every visitor begins
_WARM_UP_SECONDS = 30
# Streamlit keeps so many sessions of visitors who left, three open files each, and no more
_SESSIONS_KEPT = 128
_MOST_EXAMPLES = 5


@dataclass
class Load:
    """What became of a server under load.

    Attributes:
        server: Which one.
        asked_by: Connections or sessions.
        seconds: How long.
        publications: How often a generation was published meanwhile.
        answers: Whole answers.
        failed: Answers that were refused, mixed, or of another generation than they name.
        examples: Some of them, in words.
        megabytes: Memory of the server's processes, warm and at the end.
        open_files: Their open files, warm and at the end.
        milliseconds: Median and 99th percentile of an answer.
        visible_after_seconds: Median and longest time from a publication to the first answer from
            it; unknown where nothing was asked for its generation.
    """

    server: str
    asked_by: int
    seconds: float = 0.0
    publications: int = 0
    answers: int = 0
    failed: int = 0
    examples: list[str] = field(default_factory=list)
    megabytes: tuple[float, float] = (0.0, 0.0)
    open_files: tuple[int, int] = (0, 0)
    milliseconds: tuple[float, float] = (0.0, 0.0)
    visible_after_seconds: tuple[float, float] | None = None

    def note(self, wrong: str, answers: int = 1) -> None:
        """Count answers that were wrong, and keep the first in words."""
        self.failed += answers
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(wrong[:300])

    def took(self, milliseconds: list[float]) -> None:
        """Keep how many answers there were, and how long they took."""
        times = sorted(milliseconds)
        self.answers = len(times)
        self.milliseconds = (times[len(times) // 2], times[int(len(times) * 0.99)])

    def use(self, warm: tuple[float, int], at_the_end: tuple[float, int]) -> None:
        """Keep what the server's processes used."""
        self.megabytes = (warm[0], at_the_end[0])
        self.open_files = (warm[1], at_the_end[1])

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return {"kind": "load", "is_survived": not self.failed, **asdict(self)}


# --- asking the API ----------------------------------------------------------------------------


@dataclass
class Answer:
    """What is kept of an answer: the generation it names, the share that its rows have, times."""

    generation: str
    shares: frozenset[float]
    milliseconds: float
    at: float


async def _ask(
    client: httpx.AsyncClient, stores: list[int], until: float, load: Load, kept: list[Answer]
) -> None:
    while time.monotonic() < until:
        store = random.choice(stores)
        one = random.random() < 0.8
        path = f"/stores/{store}/forecast" if one else f"/forecasts?store_id={store}&limit=100"
        began = time.perf_counter()
        try:
            response = await client.get(path)
            body = response.raise_for_status().json()
            rows = body["days" if one else "rows"]
            named = body["provenance"]["generation_id"]
            if response.headers["etag"].strip('"') != named:
                load.note(f"{path}: the tag is not {named}")
            shares = frozenset(
                round(row["lower_95"] / row["lower_80"], 6) for row in rows if row["is_open"]
            )
        except (httpx.HTTPError, ValueError, KeyError) as error:
            load.note(f"{path}: {error!r}")
            continue
        took = (time.perf_counter() - began) * 1000
        kept.append(Answer(named, shares, took, time.monotonic()))


async def _ask_with_many(
    address: str, stores: list[int], seconds: float, load: Load
) -> list[Answer]:
    kept: list[Answer] = []
    until = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=load.asked_by)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        await asyncio.gather(
            *(_ask(client, stores, until, load, kept) for _ in range(load.asked_by))
        )
    return kept


def load_api(settings: Settings, publisher: Publisher, minutes: float, connections: int) -> Load:
    """Ask the API with many connections at once."""
    load = Load("API, one worker", connections)
    log = settings.state_path / "api.log"
    with serving("api", settings.warehouse_path, ready="/health", log=log) as address:
        rows = httpx.get(f"{address}/stores", params={"is_forecast": True, "limit": 2000}).json()
        stores = [row["store_id"] for row in rows["rows"]]
        asyncio.run(_ask_with_many(address, stores, _WARM_UP_SECONDS, Load("", connections)))
        before, began = _use_of(address), time.monotonic()
        with publisher.at_work():
            kept = asyncio.run(_ask_with_many(address, stores, minutes * 60, load))
        load.seconds = time.monotonic() - began
        load.use(before, _use_of(address))
    load.took([answer.milliseconds for answer in kept])
    load.visible_after_seconds = _visible_after(publisher, kept)
    whole = Counter((answer.generation, answer.shares) for answer in kept)
    for (generation, shares), answers in whole.items():
        if shares != {round(publisher.shares[generation], 6)}:
            load.note(f"{answers} answers of {generation} hold {sorted(shares)}", answers)
    return load


def _visible_after(publisher: Publisher, answers: list[Answer]) -> tuple[float, float] | None:
    first: dict[str, float] = {}
    for answer in answers:
        first[answer.generation] = min(answer.at, first.get(answer.generation, answer.at))
    # what is seen before the publisher is told that it is done was visible at once
    waits = sorted(
        max(0.0, seen - publisher.published_at[generation])
        for generation, seen in first.items()
        if publisher.published_at[generation] > answers[0].at
    )
    return (waits[len(waits) // 2], waits[-1]) if waits else None


# --- looking at the dashboard ------------------------------------------------------------------


def load_dashboard(settings: Settings, publisher: Publisher, minutes: float, sessions: int) -> Load:
    """Let visitors go from page to page in turn, while the others' sessions stay open."""
    load = Load("dashboard", sessions)
    log = settings.state_path / "dashboard.log"
    with (
        serving("dashboard", settings.warehouse_path, ready="/_stcore/health", log=log) as address,
        visit(address) as first,
    ):
        visitors = [first, *(first.of_someone_else() for _ in range(sessions - 1))]
        for _ in range(2 + _SESSIONS_KEPT // sessions):
            for visitor in visitors:
                visitor.open("")
        before, began = _use_of(address), time.monotonic()
        times: list[float] = []
        with publisher.at_work():
            for page, visitor in itertools.cycle(itertools.product(_PAGES, visitors)):
                if time.monotonic() - began > minutes * 60:
                    break
                times.append(_look(visitor, page, load))
        load.seconds = time.monotonic() - began
        load.use(before, _use_of(address))
    load.took(times)
    return load


def _look(visitor: Visit, page: str, load: Load) -> float:
    began = time.perf_counter()
    try:
        visitor.open(page)
    except Exception as error:  # a page that fails is what is looked for
        load.note(f"{page}: {error!r}")
    return (time.perf_counter() - began) * 1000


# --- the server's processes --------------------------------------------------------------------


def _use_of(address: str) -> tuple[float, int]:
    """Megabytes and open files of the processes behind an address."""
    port = int(address.rpartition(":")[2])
    (listening,) = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    server = psutil.Process(listening)
    processes = [server, *server.children(recursive=True)]
    return (
        sum(process.memory_info().rss for process in processes) / 1e6,
        sum(process.num_fds() for process in processes),
    )


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--every", type=float, default=20, help="seconds between publications")
    parser.add_argument("--folder", type=Path, default=PROJECT_DIR / ".state" / "soak")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    os.environ["ROSSMANN_API_RATE_LIMIT"] = ""  # all come from one address
    given = load_settings()
    params = load_params(given.params_path)
    loads = []
    with tempfile.TemporaryDirectory() as scratch:
        settings = given.model_copy(
            update={
                "warehouse_dir": Path(scratch) / "warehouse",
                "state_dir": Path(scratch) / "state",
            }
        )
        shutil.copytree(given.warehouse_path, settings.warehouse_path)
        settings.state_path.mkdir()
        publisher = Publisher(settings, params, asked.every)
        publisher.publish()
        for ask, number in ((load_api, asked.connections), (load_dashboard, asked.sessions)):
            if number:
                started_with = len(publisher.shares)
                load = ask(settings, publisher, asked.minutes, number)
                load.publications = len(publisher.shares) - started_with
                if publisher.error is not None:
                    raise publisher.error
                append(asked.folder, {"name": load.server, **load.as_json()})
                print(json.dumps(load.as_json(), indent=1))
                loads.append(load)
    return 0 if not any(load.failed for load in loads) else 1


if __name__ == "__main__":
    sys.exit(main())
