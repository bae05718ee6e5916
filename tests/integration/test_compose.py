"""The services of the compose file, as plain processes against a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from support.chain import small_params
from support.compose import Stack, postgres_program, running_stack

from rossmann_ml.training.registered import REGISTERED_MODEL

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        postgres_program("initdb") is None,
        reason="PostgreSQL is not installed (Debian: apt-get install postgresql)",
    ),
]

LAUNCH = """
mutation Launch($job: String!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "rossmann", repositoryName: "__repository__", jobName: $job
    }
    runConfigData: {}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"


@pytest.fixture(scope="module")
def stack(sample_dir: Path) -> Iterator[Stack]:
    # not below pytest's folder, which only its owner may enter: PostgreSQL runs as somebody else
    place = Path(tempfile.mkdtemp(prefix="rossmann-compose-"))
    place.chmod(0o755)
    variables = {"POSTGRES_PASSWORD": "letters4and9digits", "ROSSMANN_THREADS": "1"}
    try:
        with running_stack(place, variables=variables) as made:
            data = place / "volumes" / "data"
            (data / "incoming").mkdir()  # as in the repository
            shutil.copytree(sample_dir, data / "sample")
            params = place / "params.yaml"
            params.write_text(yaml.safe_dump(small_params().model_dump(), sort_keys=False))
            small = {"ROSSMANN_PARAMS_FILE": str(params)}
            made.start("mlflow", MLFLOW_SERVER_ALLOWED_HOSTS=allowed_hosts(made))
            made.start("first-refresh", **small)
            made.start("api", **small)
            made.start("dashboard", **small)
            made.start("pipeline", **small)
            made.start("dagster-webserver", **small)
            made.start("dagster-daemon", **small)
            yield made
    finally:
        shutil.rmtree(place, ignore_errors=True)


def allowed_hosts(stack: Stack) -> str:
    """The names of the compose file, and this machine's address with the port that is used."""
    named = stack.services["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"]
    return f"{named},127.0.0.1:{stack.ports[5000]}"


def ask(stack: Stack, query: str, **variables: str) -> dict[str, object]:
    answer = httpx.post(
        f"http://127.0.0.1:{stack.ports[3000]}/graphql",
        json={"query": query, "variables": variables},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert "errors" not in told, told
    return told["data"]


@pytest.mark.parametrize(
    "name",
    [
        *("postgres", "mlflow", "pipeline", "dagster-webserver", "dagster-daemon"),
        *("api", "dashboard"),
    ],
)
def test_every_health_check_passes(stack: Stack, name: str) -> None:
    stack.wait_until_healthy(name)


def test_what_the_first_refresh_published_is_answered_by_the_api(stack: Stack) -> None:
    address = f"http://127.0.0.1:{stack.ports[8000]}"
    published = stack.place / "volumes" / "warehouse" / "published" / "CURRENT"
    assert published.exists(), stack.log("first-refresh").read_text()
    ready = httpx.get(f"{address}/ready", timeout=30)
    assert ready.status_code == 200, ready.text
    forecast = httpx.get(f"{address}/stores/1/forecast", timeout=30)
    assert forecast.status_code == 200
    assert published.read_text().strip().removesuffix(".duckdb") in forecast.text


def test_a_second_first_refresh_does_nothing(stack: Stack) -> None:
    stack.start("first-refresh")
    stack.wait_until_done("first-refresh")
    assert "published already: nothing to do" in stack.log("first-refresh").read_text()


def test_models_are_registered_in_postgres_and_kept_in_the_volume(stack: Stack) -> None:
    address = f"http://127.0.0.1:{stack.ports[5000]}/api/2.0/mlflow/registered-models/search"
    models = httpx.get(address, timeout=30).json()["registered_models"]
    assert [model["name"] for model in models] == [REGISTERED_MODEL]
    assert any((stack.place / "volumes" / "artifacts").rglob("model_card.md"))


def test_mlflow_answers_to_its_service_name_and_to_no_other(stack: Stack) -> None:
    address = f"http://127.0.0.1:{stack.ports[5000]}/api/2.0/mlflow/registered-models/search"
    assert httpx.get(address, headers={"Host": "mlflow:5000"}, timeout=30).status_code == 200
    assert httpx.get(address, headers={"Host": "evil.example"}, timeout=30).status_code == 403


def test_a_run_goes_from_the_ui_through_the_queue_to_the_code_and_back(stack: Stack) -> None:
    launched = ask(stack, LAUNCH, job="publish_forecasts")["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    status, deadline = "QUEUED", time.monotonic() + 900
    while status not in ("SUCCESS", "FAILURE", "CANCELED") and time.monotonic() < deadline:
        time.sleep(2)
        runs = ask(stack, RUNS)["runsOrError"]["results"]
        status = {run["runId"]: run["status"] for run in runs}[launched["run"]["runId"]]
    said = stack.log("pipeline").read_text()[-5000:]
    assert status == "SUCCESS", said
    # the one-shot's run is in the same record
    assert "weekly_refresh_with_training" in {run["jobName"] for run in runs}


@pytest.mark.skipif(os.getuid() != 0, reason="who is not root keeps the right to write here")
def test_nobody_may_write_beside_the_volumes(stack: Stack) -> None:
    refused = stack.run("touch", str(stack.app / "assets" / "x"))
    assert refused.returncode != 0
    assert b"Permission denied" in refused.stderr
    assert stack.run("touch", str(stack.place / "volumes" / "state" / "x")).returncode == 0
