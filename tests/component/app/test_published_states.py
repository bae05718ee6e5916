"""API and reader say whether the published file is busy, changed or forbidden, and keep serving."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.api import client_of, problem_of
from support.other_programs import as_another_user, edit_by_hand, sql_client
from support.small_warehouse import add_week

from app.published import PublishedReader
from rossmann_ml.base.errors import BusyError, PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]


def test_the_api_names_the_process_that_keeps_the_file_busy(
    published_generation: Published,
) -> None:
    settings, first = published_generation
    with sql_client(first.path) as pid, client_of(settings) as client:
        problem = problem_of(client.get("/stores/1/forecast"), 503, "no-generation")
        assert problem["detail"].startswith(f"busy: {first.path.name} is open in process {pid} (")
        assert str(settings.published_path) not in problem["detail"]
        assert client.get("/health").status_code == 200
    with client_of(settings) as client:
        assert client.get("/stores/1/forecast").status_code == 200


def test_the_api_does_not_serve_a_figure_that_was_changed_by_hand(
    published_generation: Published, caplog: pytest.LogCaptureFixture
) -> None:
    settings, first = published_generation
    edit_by_hand(first.path)
    with client_of(settings) as client, caplog.at_level(logging.ERROR):
        problem_of(client.get("/stores/1/forecast"), 503, "no-generation")
    assert "was changed after its publication" in caplog.text


def test_the_api_follows_on_after_an_error_and_says_so_meanwhile(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    pointer = settings.published_path / "CURRENT"
    with client_of(settings) as client:
        pointer.write_bytes(b"\xff\xfe")
        (settings.published_path / "status.json").write_bytes(b"\xff")
        _wait(client, lambda health: "newest publication" in str(health["faults"]))
        health = client.get("/health")
        assert (health.status_code, health.json()["generation_id"]) == (200, first.generation_id)
        assert client.get("/ready").json()["faults"] == health.json()["faults"]
        assert str(settings.published_path) not in health.text
        add_week(settings)
        second = publish(Session(settings, project_params), run_id="weekly-2")
        _wait(client, lambda health: health["generation_id"] == second.generation_id)
        assert "newest publication" not in str(client.get("/health").json()["faults"])


def _wait(client: TestClient, is_so: Callable[[dict[str, Any]], object]) -> None:
    deadline = time.monotonic() + 60
    while not is_so(client.get("/health").json()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_reader_stays_with_its_generation_while_the_next_one_is_busy(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    reader = PublishedReader(settings.published_path, check_every_seconds=0)
    assert reader.current().info.generation_id == first.generation_id
    add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    with sql_client(second.path):
        assert reader.current().info.generation_id == first.generation_id
    assert reader.current().info.generation_id == second.generation_id


def test_busy_and_forbidden_reach_the_page_as_what_they_are(
    published_generation: Published,
) -> None:
    settings, first = published_generation

    def read() -> None:
        PublishedReader(settings.published_path).current()

    with sql_client(first.path), pytest.raises(BusyError, match="busy: "):
        read()
    first.path.chmod(0)
    for folder in first.path.parents:
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    assert as_another_user(read).startswith("ForbiddenError: ")
    first.path.chmod(0o644)
    edit_by_hand(first.path)
    with pytest.raises(PublishError, match="was changed"):
        read()
