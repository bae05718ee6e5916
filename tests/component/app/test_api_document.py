"""OpenAPI document: it matches the server and uses the descriptions of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.api import PROBLEM, client_of, problem_of
from support.small_warehouse import ORIGINS

from app.api import keys
from app.api.problems import KINDS
from app.api.routers.health import origin_age_days
from app.api.row_models import row_model
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.contract import load_contract

Published = tuple[Settings, PublishedGeneration]

PATHS = {
    "/health", "/ready", "/metrics", "/stores", "/stores/{store_id}", "/stores/{store_id}/forecast",
    "/stores/{store_id}/history", "/stores/{store_id}/revisions", "/forecasts", "/totals",
    "/totals/horizon",
    "/model_info", "/accuracy", "/drift", "/data_quality", "/plan_filling", "/runs", "/usage",
    "/predict", "/predict_batch",
    "/alerts", "/alerts/open",
}  # fmt: skip


@pytest.fixture(scope="module")
def client(shared_published: Published) -> Iterator[TestClient]:
    with client_of(shared_published[0]) as client:
        yield client


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_the_public_paths_are_there_and_nothing_writes(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == PATHS
    methods = {path: set(of_path) for path, of_path in document["paths"].items()}
    assert {path for path, used in methods.items() if used == {"post"}} == {
        "/predict",
        "/predict_batch",
    }
    assert all(used in ({"get"}, {"post"}) for used in methods.values())


def test_every_operation_is_described_and_answers_errors_with_problems(
    document: dict[str, Any],
) -> None:
    for path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == [PROBLEM], (path, status)
                for example in response["content"][PROBLEM]["examples"].values():
                    assert example["value"]["status"] == int(status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_document_is_encoded_once(
    client: TestClient, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode_again(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("starlette.responses.json.dumps", encode_again)
    assert client.get("/openapi.json").json() == document


def test_every_kind_of_problem_is_documented_somewhere(document: dict[str, Any]) -> None:
    documented = {
        name
        for _, operation in operations(document)
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for name in content.get("examples", {})
    }
    # no route documents an internal error, and this server needs no keys
    assert documented == set(KINDS) - {"internal-error", "unauthorised"}


@pytest.mark.parametrize("table", [table.name for table in load_contract().tables])
def test_rows_have_the_descriptions_of_the_contract(table: str) -> None:
    schema = row_model(table).model_json_schema()
    for column in load_contract().table(table).columns:
        described = schema["properties"][column.name]
        assert described["description"].startswith(column.meaning)
        assert (column.unit or "") in described["description"]
        allows_null = {"type": "null"} in described.get("anyOf", [])
        assert allows_null == column.nullable
        assert column.name in schema["required"]


def test_keys_are_described_on_operations_that_need_one(shared_published: Published) -> None:
    entry = f"planner:{keys.hash_key('k').hex()}"
    with client_of(shared_published[0], keys=entry, rate_limit="") as client:
        document = client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"key", "bearer"}
    for path, operation in operations(document):
        is_open = path in ("/health", "/ready")
        assert ("security" in operation) is not is_open
        assert ("401" in operation["responses"]) is not is_open
        busy = operation["responses"].get("429", {}).get("description")
        assert busy == (None if is_open else "Busy.")


def test_ready_shows_the_age_of_the_origin(shared_published: Published) -> None:
    settings = shared_published[0]
    with client_of(settings) as client:
        answer = client.get("/ready").json()
        assert answer["status"] == "ready"
        assert answer["forecast_origin"] == str(ORIGINS[-1])
    late = settings.model_copy(update={"as_of": ORIGINS[-1] + timedelta(days=15)})
    with client_of(late) as client:
        problem = problem_of(client.get("/ready"), 503, "not-ready")
        assert "15 days old; at most 14" in problem["detail"]


def test_the_age_of_historical_data_is_measured_at_its_publication(
    shared_published: Published,
) -> None:
    settings, generation = shared_published
    info = generation.info
    assert origin_age_days(info, settings) == (info.product_today - info.forecast_origin).days
    today = datetime.now(UTC).replace(tzinfo=None)
    from dataclasses import replace

    live = replace(
        info, published_at=today - timedelta(days=30),
        product_today=(today - timedelta(days=30)).date(),
        forecast_origin=(today - timedelta(days=32)).date(),
    )  # fmt: skip
    assert abs(origin_age_days(live, settings) - 32) <= 1


def test_before_the_first_publication_only_health_succeeds(
    small_warehouse: Settings,
) -> None:
    with client_of(small_warehouse) as client:
        assert client.get("/health").json()["status"] == "no_generation"
        for path in ("/ready", "/stores/1/forecast", "/stores", "/model_info", "/stores/1"):
            response = client.get(path)
            problem_of(response, 503, "no-generation")
            assert int(response.headers["retry-after"]) > 0
        problem_of(client.post("/predict", json={"store_id": 1}), 503, "no-generation")


def test_an_unusable_pointer_is_reported_without_its_path(
    small_warehouse: Settings,
) -> None:
    small_warehouse.published_path.mkdir(parents=True)
    (small_warehouse.published_path / "CURRENT").write_text("../elsewhere.duckdb")
    with client_of(small_warehouse) as client:
        problem = problem_of(client.get("/stores/1/forecast"), 503, "no-generation")
        assert str(small_warehouse.published_path) not in problem["detail"]
        assert client.get("/health").json()["status"] == "no_generation"
