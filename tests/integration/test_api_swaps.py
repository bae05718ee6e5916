"""Real server under load while generations are published: no answer is mixed or refused."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from support.fuzzing import fuzz
from support.published import copy_of, keeping
from support.publisher import Publisher
from support.refreshed import Refreshed
from support.servers import serving
from support.small_warehouse import change

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.jumps import AcceptedJump
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.warehouse.session import Session

PUBLICATIONS = int(os.environ.get("ROSSMANN_SWAPS", "6"))


def figure_of_store(client: httpx.Client) -> tuple[str, set[float]]:
    response = client.get("/stores/1/forecast")
    answer = response.raise_for_status().json()
    assert answer["provenance"]["generation_id"] == response.headers["etag"].strip('"')
    return response.headers["etag"].strip('"'), {
        day["sales_forecast"] for day in answer["days"] if day["is_open"]
    }


def figure_of_list(client: httpx.Client) -> tuple[str, set[float]]:
    response = client.get("/forecasts", params={"store_id": [2, 3]})
    answer = response.raise_for_status().json()
    assert answer["provenance"]["generation_id"] == response.headers["etag"].strip('"')
    return response.headers["etag"].strip('"'), {
        row["sales_forecast"] for row in answer["rows"] if row["is_open"]
    }


class Figures:
    """Small warehouse in which every open day has a new figure in each publication.

    Attributes:
        expected: The figure of every open day, by generation.
    """

    def __init__(self, settings: Settings, params: Params) -> None:
        self.settings, self._params = settings, keeping(params, 2)
        self.expected: dict[str, float] = {}

    def publish(self) -> str:
        """Publish a generation in which every open day has the next figure; return its id."""
        number = len(self.expected)
        figure = 1000.0 + number
        change(
            self.settings,
            f"""
            UPDATE forecasting.forecasts SET sales_forecast = {figure}, lower_80 = {figure},
                upper_80 = {figure}, lower_95 = {figure}, upper_95 = {figure} WHERE is_open;
            UPDATE forecasting.forecast_runs SET input_hash = 'h{number}'
            """,
        )
        jump = AcceptedJump("a test", "all values change")
        generation = publish(Session(self.settings, self._params), run_id="r", accepted_jump=jump)
        self.expected[generation.generation_id] = figure
        return generation.generation_id


@pytest.fixture
def figures(
    shared_published: tuple[Settings, PublishedGeneration], project_params: Params, tmp_path: Path
) -> Figures:
    made = Figures(copy_of(shared_published[0], tmp_path), project_params)
    made.publish()
    return made


def test_every_answer_comes_entirely_from_the_generation_that_it_names(
    figures: Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSSMANN_API_RATE_LIMIT", "")  # all callers have one address
    answers: list[tuple[str, set[float]]] = []
    errors: list[BaseException] = []
    stop = threading.Event()

    def ask(address: str, question: Callable[[httpx.Client], tuple[str, set[float]]]) -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            while not stop.is_set():
                try:
                    answers.append(question(client))
                except BaseException as error:
                    errors.append(error)
                    raise

    log = tmp_path / "log.txt"
    with serving("api", figures.settings.warehouse_path, ready="/ready", log=log) as address:
        threads = [
            threading.Thread(target=ask, args=(address, question))
            for question in (figure_of_store, figure_of_store, figure_of_list)
        ]
        for thread in threads:
            thread.start()
        for _ in range(1, PUBLICATIONS):
            newest = figures.publish()
            deadline = time.monotonic() + 60
            while not any(generation == newest for generation, _ in answers[-20:]):
                assert time.monotonic() < deadline, f"{newest} never became visible"
                assert not errors
                time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert {generation for generation, _ in answers} == set(figures.expected)
    wrong = [each for each in answers if each[1] != {figures.expected[each[0]]}]
    assert wrong == []


@pytest.mark.integration
def test_no_request_breaks_the_server_while_generations_are_published(
    copy_of_refreshed: Callable[[], Refreshed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSSMANN_API_RATE_LIMIT", "")
    monkeypatch.setenv("ROSSMANN_STATE_DIR", str(tmp_path))
    examples = int(os.environ.get("ROSSMANN_FUZZ_EXAMPLES", "5"))
    place = copy_of_refreshed().settings
    publisher = Publisher(place, load_params(place.params_path), every_seconds=4)
    log = tmp_path / "log.txt"
    with (
        serving("api", place.warehouse_path, ready="/ready", log=log) as address,
        publisher.at_work(),
    ):
        done = fuzz(address, examples=examples)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert publisher.error is None
    assert len(publisher.shares) > 1
