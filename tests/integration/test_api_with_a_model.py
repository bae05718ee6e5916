"""Real server with a trained model: what-if answers, and random requests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support.fuzzing import fuzz
from support.refreshed import Refreshed
from support.servers import serving

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def address(refreshed: Refreshed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("api") / "log.txt"
    settings = {"ROSSMANN_API_RATE_LIMIT": "", "ROSSMANN_STATE_DIR": str(log.parent)}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        warehouse = refreshed.settings.warehouse_path
        with serving("api", warehouse, ready="/ready", log=log) as address:
            deadline = time.monotonic() + 240
            while httpx.get(f"{address}/ready", timeout=30).json()["what_if"] == "loading":
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield address


def test_an_unchanged_plan_returns_the_stored_forecast_by_scoring(address: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        answer = client.post("/predict_batch", json={}).raise_for_status().json()
        levels = {"quantiles": "0.025,0.5,0.7,0.95"}
        stored = client.get("/forecasts", params={"limit": 100_000, **levels}).json()["rows"]
        names = ("store_id", "target_date", "sales_forecast", "lower_80", "upper_80", "lower_95",
                 "upper_95")  # fmt: skip
        assert [[row[name] for name in names] for row in answer["rows"]] == [
            [row[name] for name in names] for row in stored
        ]
        assert answer["totals"]["difference"] == 0
        store = stored[0]["store_id"]
        one = client.post("/predict", json={"store_id": store}, params=levels).json()["rows"]
        names = ("sales_forecast", "p2_5", "p50", "p70", "p95")
        assert [[row[name] for name in names] for row in one] == [
            [row[name] for name in names] for row in stored if row["store_id"] == store
        ]
        day = next(row["target_date"] for row in stored if row["is_open"])
        for change, is_open in (({"is_open": False}, False), ({"is_promo": True}, True)):
            changes = [{"first_date": day, "last_date": day, **change}]
            body = {"store_id": store, "changes": changes}
            changed = client.post("/predict", json=body).json()["rows"]
            (row,) = [each for each in changed if each["target_date"] == day]
            assert row["is_open"] is is_open
            assert (row["sales_forecast"] == 0) is not is_open


def test_simultaneous_questions_get_the_answers_of_single_ones(address: str) -> None:
    callers, questions = 4, 200
    with httpx.Client(base_url=address, timeout=60) as client:
        store = client.get("/stores").json()["rows"][0]["store_id"]
        alone = client.post("/predict", json={"store_id": store}).raise_for_status().json()

        def ask(_: int) -> httpx.Response:
            return client.post("/predict", json={"store_id": store})

        with ThreadPoolExecutor(callers) as pool:
            answers = list(pool.map(ask, range(questions)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["rows"] == alone["rows"] for answer in answers)


def test_no_request_breaks_the_server_or_gets_an_undocumented_answer(
    address: str,
) -> None:
    done = fuzz(address, examples=int(os.environ.get("ROSSMANN_FUZZ_EXAMPLES", "50")))
    assert done.returncode == 0, done.stdout[-20_000:]
    assert httpx.get(f"{address}/ready").json()["what_if"] == "ready"
