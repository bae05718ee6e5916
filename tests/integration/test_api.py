"""API over HTTP: a real server on a published generation."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.api import PROBLEM, problem_of
from support.published import copy_of
from support.servers import serving
from support.small_warehouse import MODEL, STORE_WITHOUT_FORECAST, add_week

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish, rollback_generation
from rossmann_ml.serving.status import FailedRun, write_status
from rossmann_ml.warehouse.session import Session


@pytest.fixture(scope="module")
def served(
    shared_published: tuple[Settings, PublishedGeneration],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[httpx.Client, PublishedGeneration]]:
    settings, generation = shared_published
    log = tmp_path_factory.mktemp("api") / "log.txt"
    with (
        serving("api", settings.warehouse_path, ready="/health", log=log) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client, generation


Served = tuple[httpx.Client, PublishedGeneration]


def test_health_names_the_served_generation(served: Served) -> None:
    client, generation = served
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["generation_id"] == generation.generation_id
    assert health["forecast_origin"] == "2015-07-31"
    assert health["published_at"].endswith("Z")
    assert health["failed_run"] is None


def test_a_stores_forecast_has_every_day_with_bounds_and_provenance(
    served: Served,
) -> None:
    client, generation = served
    answer = client.get("/stores/1/forecast").json()
    assert answer["store_id"] == 1
    assert answer["units"] == {"sales": "EUR per store and day"}
    assert answer["provenance"] == {
        "generation_id": generation.generation_id,
        "published_at": answer["provenance"]["published_at"],
        "forecast_origin": "2015-07-31",
        "model_version": MODEL,
        "data_version": generation.info.data_version,
        "data_set_name": "sample-6-7",
        "is_synthetic": True,
    }
    days = answer["days"]
    assert [day["horizon_days"] for day in days] == list(range(1, 43))
    assert days[0] == {
        "target_date": "2015-08-01", "horizon_days": 1, "is_open": True, "is_promo": False,
        "state_holiday": "0", "is_school_holiday": True, "sales_forecast": 5590.0,
        "lower_80": 4751.5, "upper_80": 6428.5, "lower_95": 3913.0, "upper_95": 7546.5,
        "plan_source": "planned", "sales_median": 5701.8, "error_scale": 0.11,
    }  # fmt: skip
    closed = [day for day in days if not day["is_open"]]
    assert len(closed) == 7
    assert all(day["sales_forecast"] == day["upper_95"] == 0 for day in closed)
    assert days[-1]["plan_source"] == "assumed"


def test_fewer_days_are_the_first_ones(served: Served) -> None:
    client, _ = served
    whole = client.get("/stores/2/forecast").json()["days"]
    assert client.get("/stores/2/forecast", params={"days": 7}).json()["days"] == whole[:7]


def test_an_unknown_store_has_its_own_kind_of_problem(served: Served) -> None:
    client, _ = served
    problem = problem_of(client.get("/stores/4711/forecast"), 404, "unknown-store")
    assert "4711" in problem["detail"]


def test_a_store_without_forecast_has_the_reason(served: Served) -> None:
    client, _ = served
    response = client.get(f"/stores/{STORE_WITHOUT_FORECAST}/forecast")
    problem = problem_of(response, 404, "store-not-forecast")
    assert "no plan and no sales in the last 28 days" in problem["detail"]


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/stores/1/forecast?days=0", "query.days"),
        ("/stores/1/forecast?days=43", "query.days"),
        ("/stores/1/forecast?days=seven", "query.days"),
        ("/stores/0/forecast", "path.store_id"),
        ("/stores/one/forecast", "path.store_id"),
        ("/stores/99999999999999999999/forecast", "path.store_id"),
        ("/model_info?features=-1", "query.features"),
    ],
)
def test_an_invalid_value_is_named(served: Served, path: str, location: str) -> None:
    client, _ = served
    problem = problem_of(client.get(path), 422, "invalid-value")
    assert [error["location"] for error in problem["errors"]] == [location]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("POST", "/stores/1/forecast", 405, "method-not-allowed"),
    ],
)
def test_a_path_or_method_that_does_not_exist_is_a_problem(
    served: Served, method: str, path: str, status: int, kind: str
) -> None:
    client, _ = served
    problem_of(client.request(method, path), status, kind)


def test_an_answer_is_not_sent_again_to_a_caller_that_has_it(served: Served) -> None:
    client, generation = served
    first = client.get("/stores/1/forecast")
    etag = first.headers["etag"]
    assert etag == f'"{generation.generation_id}"'
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get("/stores/1/forecast", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    fresh = client.get("/stores/1/forecast", headers={"If-None-Match": '"other"'})
    assert fresh.status_code == 200


def test_model_info_compares_the_champion_with_simple_methods(served: Served) -> None:
    client, _ = served
    answer = client.get("/model_info", params={"features": 3}).json()
    assert answer["champion"]["model_version"] == MODEL
    assert answer["champion"]["trained_through"] == "2015-07-31"
    assert answer["promotion"]["figures"] == {"rmspe": 0.115}
    overall = {
        row["model"]: row["rmspe"] for row in answer["backtest"] if row["forecast_origin"] is None
    }
    assert overall == {
        "blend": 0.115,
        "store_weekday_promo_median": 0.135,
        "seasonal_naive": 0.25,
    }
    origins = {row["forecast_origin"] for row in answer["backtest"]}
    assert origins == {None, "2015-06-19", "2015-03-27"}
    assert [row["feature"] for row in answer["importances"]] == [
        "feature_0", "feature_1", "feature_2",
    ]  # fmt: skip


def test_the_document_describes_errors_as_problems(served: Served) -> None:
    client, _ = served
    document = client.get("/openapi.json").json()
    responses = document["paths"]["/stores/{store_id}/forecast"]["get"]["responses"]
    assert set(responses) == {"200", "304", "404", "421", "422", "429", "503"}
    for status in ("404", "422", "503"):
        assert list(responses[status]["content"]) == [PROBLEM]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]


def test_before_the_first_publication_the_server_runs_and_then_answers(
    small_warehouse: Settings, project_params: Params, tmp_path: Path
) -> None:
    log = tmp_path / "log.txt"
    with serving("api", small_warehouse.warehouse_path, ready="/health", log=log) as address:
        assert httpx.get(f"{address}/health").json()["status"] == "no_generation"
        waiting = httpx.get(f"{address}/stores/1/forecast")
        problem_of(waiting, 503, "no-generation")
        assert int(waiting.headers["retry-after"]) > 0
        publish(Session(small_warehouse, project_params), run_id="weekly-1")
        assert httpx.get(f"{address}/stores/1/forecast").status_code == 200


def test_the_server_keeps_a_connection_that_is_idle_for_some_seconds(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> None:
    log = tmp_path / "log.txt"
    with serving("api", shared_published[0].warehouse_path, ready="/health", log=log) as address:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        for rest_seconds in (6, 0):  # a proxy may keep it idle for a minute
            connection.request("GET", "/stores/1/forecast")
            assert json.load(connection.getresponse())["store_id"] == 1
            assert connection.sock is not None, "closed with the answer"
            asked_on = connection.sock.getsockname()
            time.sleep(rest_seconds)
        assert connection.sock.getsockname() == asked_on
        connection.close()


def test_a_running_server_follows_publications_rollbacks_and_failures(
    shared_published: tuple[Settings, PublishedGeneration], project_params: Params, tmp_path: Path
) -> None:
    settings = copy_of(shared_published[0], tmp_path)
    first = shared_published[1].generation_id
    log = tmp_path / "log.txt"

    def origin_served(address: str) -> str:
        with httpx.Client() as client:
            deadline = time.monotonic() + 20  # the pointer is checked every half second
            while time.monotonic() < deadline:
                answer = client.get(f"{address}/health").json()
                if answer["generation_id"] == expected:
                    break
                time.sleep(0.05)
        return client_origin(address)

    def client_origin(address: str) -> str:
        return httpx.get(f"{address}/stores/1/forecast").json()["provenance"]["forecast_origin"]

    with serving("api", settings.warehouse_path, ready="/health", log=log) as address:
        expected = first
        assert origin_served(address) == "2015-07-31"
        add_week(settings)
        expected = publish(Session(settings, project_params), run_id="weekly-2").generation_id
        assert origin_served(address) == "2015-08-07"
        rollback_generation(settings, first)
        expected = first
        assert origin_served(address) == "2015-07-31"
        failed = FailedRun(run_id="weekly-3", reason="raw_sales: 3 rows", step="checks")
        write_status(settings, last_failed_run=failed)
        deadline = time.monotonic() + 20
        while (told := httpx.get(f"{address}/health").json()["failed_run"]) is None:
            assert time.monotonic() < deadline, "the failure is not told"
            time.sleep(0.05)
        assert (told["run_id"], told["reason"]) == ("weekly-3", "raw_sales: 3 rows")
