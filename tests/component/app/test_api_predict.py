"""What-if questions over HTTP."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from support.api import client_of, problem_of, wait_for_model
from support.small_warehouse import MODEL, STORES
from support.stand_in_bundle import StandInBundle, stand_in_for_all

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.what_if import Scenarios

Published = tuple[Settings, PublishedGeneration]

PROMO_WEEK = {"first_date": "2015-08-10", "last_date": "2015-08-14", "is_promo": True}


@pytest.fixture(scope="module")
def client(shared_published: Published) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patched:
        stand_in_for_all(patched)
        with client_of(shared_published[0]) as client:
            wait_for_model(client)
            yield client


def answer_of(client: TestClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


def test_a_question_about_one_store_with_a_changed_plan(
    client: TestClient, shared_published: Published
) -> None:
    asked = {"store_id": 1, "first_date": "2015-08-08", "last_date": "2015-08-16"}
    same = answer_of(client, "/predict", asked)
    changed = answer_of(client, "/predict", {**asked, "changes": [PROMO_WEEK]})
    assert changed["provenance"]["generation_id"] == shared_published[1].generation_id
    assert changed["provenance"]["model_version"] == MODEL
    assert changed["provenance"]["forecast_origin"] == "2015-07-31"
    assert changed["units"] == {"sales": "EUR per store and day"}
    assert [row["target_date"] for row in changed["rows"]] == [
        f"2015-08-{day:02}" for day in range(8, 17)
    ]
    for row in changed["rows"]:
        assert row["lower_95"] <= row["lower_80"] <= row["sales_forecast"]
        assert row["sales_forecast"] <= row["upper_80"] <= row["upper_95"]
        assert row["difference"] == row["sales_forecast"] - row["stored_forecast"]
    totals = changed["totals"]
    assert totals["changed_store_days"] == 5
    assert totals["sales_forecast"] == pytest.approx(
        sum(row["sales_forecast"] for row in changed["rows"])
    )
    assert totals["sales_forecast"] != same["totals"]["sales_forecast"]
    assert same["totals"]["changed_store_days"] == 0


def test_a_question_about_many_stores_with_changes_for_some(client: TestClient) -> None:
    everything = answer_of(client, "/predict_batch", {})
    assert len(everything["rows"]) == len(STORES) * 42
    body = {"store_ids": [1, 2], "changes": [{**PROMO_WEEK, "store_ids": [2]}]}
    answer = answer_of(client, "/predict_batch", body)
    assert {row["store_id"] for row in answer["rows"] if row["is_changed"]} == {2}
    alone = answer_of(client, "/predict", {"store_id": 2, "changes": [PROMO_WEEK]})
    assert [row for row in answer["rows"] if row["store_id"] == 2] == alone["rows"]


def test_other_formats_contain_the_rows(client: TestClient) -> None:
    response = client.post("/predict_batch", params={"format": "parquet"}, json={})
    frame = pl.read_parquet(io.BytesIO(response.content))
    assert frame.to_dicts()[0]["store_id"] == 1
    assert len(frame) == len(STORES) * 42
    assert response.headers["x-model-version"] == MODEL
    response = client.post("/predict", json={"store_id": 1}, headers={"Accept": "text/csv"})
    assert response.text.startswith("store_id,target_date,")
    refused = client.post("/predict", json={"store_id": 1}, headers={"Accept": "image/png"})
    problem_of(refused, 406, "not-acceptable")


@pytest.mark.parametrize(
    ("body", "status", "kind", "words"),
    [
        ({"store_id": 4711}, 404, "unknown-store", "4711"),
        ({"store_id": 99}, 404, "store-not-forecast", "99"),
        ({"store_id": 1, "last_date": "2016-01-01"}, 422, "date-outside-horizon", "2015-09-11"),
        ({"store_id": 1, "changes": [{**PROMO_WEEK, "last_date": "2016-01-01"}]},
         422, "date-outside-horizon", "2016-01-01"),
        ({"store_id": 1, "first_date": "2015-08-09", "last_date": "2015-08-08"},
         422, "invalid-value", "first_date 2015-08-09 is after last_date 2015-08-08"),
        ({"store_id": 1, "changes": [{**PROMO_WEEK, "last_date": "2015-08-09"}]},
         422, "invalid-value", "body.changes.0"),
        ({"store_id": True}, 422, "invalid-value", "body.store_id"),
        ({"store_id": 1.0}, 422, "invalid-value", "body.store_id"),
        ({"store_id": "1"}, 422, "invalid-value", "body.store_id"),
        ({}, 422, "invalid-value", "body.store_id"),
        ({"store_id": "one"}, 422, "invalid-value", "body.store_id"),
        ({"store_id": 1, "promo": True}, 422, "invalid-value", "body.promo"),
        ({"store_id": 1, "changes": [{**PROMO_WEEK, "state_holiday": "x"}]},
         422, "invalid-value", "body.changes.0.state_holiday"),
    ],
)  # fmt: skip
def test_an_invalid_what_if_question_is_refused_with_the_reason(
    client: TestClient, body: dict[str, Any], status: int, kind: str, words: str
) -> None:
    assert words in problem_of(client.post("/predict", json=body), status, kind)["detail"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"store_ids": ["x"] * 100_000}, 1),
        ({"changes": [{"store_ids": ["x"] * 400}] * 200}, 20),
        ({str(number): 1 for number in range(50_000)}, 1),
        ({"store_ids": [10**4000]}, 1),
    ],
)
def test_a_large_invalid_question_gets_a_short_answer(
    client: TestClient, body: dict[str, Any], errors: int
) -> None:
    problem = problem_of(client.post("/predict_batch", json=body), 422, "invalid-value")
    assert len(problem["errors"]) == errors
    assert len(json.dumps(problem)) < 6_000
    assert ("; and 580 more" in problem["detail"]) is (errors == 20)


def test_the_changed_plan_and_its_forecasts_are_recorded(
    stand_in: dict[str, StandInBundle], shared_published: Published, tmp_path: Path
) -> None:
    generation = shared_published[1]
    settings = shared_published[0].model_copy(update={"state_dir": tmp_path})
    with client_of(settings) as client:
        wait_for_model(client)
        answer = answer_of(client, "/predict", {"store_id": 3, "changes": [PROMO_WEEK]})
    (file,) = settings.requests_path.iterdir()
    records = [json.loads(line) for line in file.read_text().splitlines()]
    (record,) = [each for each in records if each["method"] == "POST"]
    assert (record["path"], record["status"], record["stores"]) == ("/predict", 200, 1)
    assert record["generation_id"] == generation.generation_id
    totals = answer["totals"]
    ((store_id, *forecasts),) = record["what_if"].pop("forecasts")
    assert (store_id, forecasts) == (
        3,
        pytest.approx([totals["sales_forecast"], totals["stored_forecast"]], rel=1e-12),
    )
    assert record["what_if"] == {
        "store_ids": [3],
        "first_date": "2015-08-01",
        "last_date": "2015-09-11",
        "model_version": MODEL,
        "changes": [PROMO_WEEK],
    }


def test_without_a_usable_model_only_what_if_is_refused(
    shared_published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(models_folder: Path, model_version: str) -> None:
        raise NoDataError(f"the files of {model_version} are not whole in {models_folder}")

    monkeypatch.setattr("rossmann_ml.models.bundle.Bundle.load", refuse)
    with client_of(shared_published[0]) as client:
        wait_for_model(client)
        response = client.post("/predict", json={"store_id": 1})
        problem = problem_of(response, 503, "what-if-unavailable")
        assert str(shared_published[0].warehouse_path) not in problem["detail"]
        assert client.get("/ready").json()["what_if"] == "unavailable"
        assert client.get("/stores/1/forecast").status_code == 200


def test_an_exception_of_the_model_is_a_problem_without_details(
    shared_published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("/secret/path is broken")

    monkeypatch.setattr("rossmann_ml.models.bundle.Bundle.load", break_down)
    with client_of(shared_published[0]) as client:
        wait_for_model(client)
        response = client.post("/predict", json={"store_id": 1})
        problem = problem_of(response, 503, "what-if-unavailable")
        assert "secret" not in problem["detail"]
        kept = client.app.state.serving.reader.opened.prepared.exception()
        assert kept.__traceback__ is None  # nothing that grows with every request


def test_questions_are_turned_away_while_others_are_computed(
    stand_in: dict[str, StandInBundle], shared_published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, begun = threading.Event(), threading.Semaphore(0)
    score = Scenarios.score

    def score_slowly(self: Scenarios, *asked: Any, **others: Any) -> pl.DataFrame:
        begun.release()
        assert may_end.wait(60)
        return score(self, *asked, **others)

    monkeypatch.setattr(Scenarios, "score", score_slowly)
    with client_of(shared_published[0], max_waiting=2) as client, ThreadPoolExecutor() as threads:
        wait_for_model(client)
        asked = [threads.submit(client.post, "/predict", json={"store_id": 1}) for _ in range(2)]
        assert all(begun.acquire(timeout=60) for _ in asked)
        try:
            refused = client.post("/predict", json={"store_id": 1})
            problem_of(refused, 429, "busy")
            assert refused.headers["retry-after"] == "5"
            for path in ("/health", "/ready", "/stores/1/forecast"):
                assert client.get(path).status_code == 200
        finally:
            may_end.set()
        assert [each.result().status_code for each in asked] == [200, 200]


def test_a_model_that_could_not_be_loaded_is_tried_again(
    stand_in: dict[str, StandInBundle], shared_published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Scenarios.load
    failures = [MemoryError(), SystemExit("not an Exception"), OSError(24, "Too many open files")]

    def load_at_last(*asked: Any, **others: Any) -> Scenarios:
        if failures:
            raise failures.pop()
        return load(*asked, **others)

    monkeypatch.setattr(Scenarios, "load", load_at_last)
    monkeypatch.setattr("app.api.serving._FIRST_RETRY_SECONDS", 0.2)
    with client_of(shared_published[0]) as client:
        wait_for_model(client)
        assert "what-if model" in client.get("/health").json()["faults"][0]
        deadline = time.monotonic() + 60
        while client.get("/ready").json()["what_if"] != "ready":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert client.get("/health").json()["faults"] == []
        assert client.post("/predict", json={"store_id": 1}).status_code == 200


def test_a_long_question_is_recorded_short(
    stand_in: dict[str, StandInBundle], shared_published: Published, tmp_path: Path
) -> None:
    settings = shared_published[0].model_copy(update={"state_dir": tmp_path})
    body = {"store_ids": [1] * 50_000, "changes": [{**PROMO_WEEK, "store_ids": [1] * 200}] * 200}
    with client_of(settings) as client:
        wait_for_model(client)
        answer_of(client, "/predict_batch", body)
    (file,) = settings.requests_path.iterdir()
    assert file.stat().st_size < 20_000
