"""API in the process of the test, and checks of its problems."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from fastapi.testclient import TestClient

from app.api.main import create_app
from app.api.settings import load_api_settings
from rossmann_ml.base.settings import Settings

PROBLEM = "application/problem+json"


@contextmanager
def client_of(settings: Settings, **api: object) -> Iterator[TestClient]:
    """Yield a client of an application on the warehouse of a test; ``api`` are API settings."""
    app = create_app(settings, load_api_settings(**{"follow_seconds": 0.05, **api}))
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


def wait_for(client: TestClient, generation_id: str) -> None:
    """Wait until a generation is served."""
    deadline = time.monotonic() + 30
    while client.get("/health").json()["generation_id"] != generation_id:
        assert time.monotonic() < deadline, f"{generation_id} is not served"
        time.sleep(0.02)


def wait_for_model(client: TestClient) -> None:
    """Wait until the what-if model is loaded or has failed to load."""
    deadline = time.monotonic() + 300
    while client.get("/ready").json()["what_if"] == "loading":
        assert time.monotonic() < deadline, "the model is not ready"
        time.sleep(0.02)


def problem_of(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """Check that an answer is a problem of a kind, and return it."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:rossmann:problem:{kind}"
    assert problem["status"] == status
    assert problem["instance"] == response.request.url.path
    assert problem["title"]
    assert problem["detail"]
    return problem
