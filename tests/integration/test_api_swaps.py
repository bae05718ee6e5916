"""A real server under load while generations are published: no answer is mixed or refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from support.published import copy_of, keeping
from support.servers import serving
from support.small_warehouse import change

from rossmann_ml.params import Params
from rossmann_ml.publish import PublishedGeneration, publish
from rossmann_ml.publish.publishing import AcceptedJump
from rossmann_ml.settings import Settings

PUBLICATIONS = 6


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


def test_every_answer_comes_whole_from_the_generation_it_names(
    shared_published: tuple[Settings, PublishedGeneration], project_params: Params, tmp_path: Path
) -> None:
    settings = copy_of(shared_published[0], tmp_path)
    params = keeping(project_params, 2)
    expected: dict[str, float] = {}

    def publish_figure(number: int) -> str:
        """Publish a generation in which every open day is the same figure."""
        figure = 1000.0 + number
        change(
            settings,
            f"""
            UPDATE forecasting.forecasts SET sales_forecast = {figure}, lower_80 = {figure},
                upper_80 = {figure}, lower_95 = {figure}, upper_95 = {figure} WHERE is_open;
            UPDATE forecasting.forecast_runs SET input_hash = 'h{number}'
            """,
        )
        generation = publish(
            settings, params, run_id="r", accepted_jump=AcceptedJump("a test", "all values change")
        ).generation_id
        expected[generation] = figure
        return generation

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

    publish_figure(0)
    log = tmp_path / "log.txt"
    with serving("api", settings.warehouse_path, ready="/ready", log=log) as address:
        threads = [
            threading.Thread(target=ask, args=(address, question))
            for question in (figure_of_store, figure_of_store, figure_of_list)
        ]
        for thread in threads:
            thread.start()
        for number in range(1, PUBLICATIONS):
            newest = publish_figure(number)
            deadline = time.monotonic() + 60
            while not any(generation == newest for generation, _ in answers[-20:]):
                assert time.monotonic() < deadline, f"{newest} never became visible"
                assert not errors
                time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert {generation for generation, _ in answers} == set(expected)
    wrong = [each for each in answers if each[1] != {expected[each[0]]}]
    assert wrong == []
