"""Lists: filters, pages of one generation, and invalid requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.api import client_of, problem_of, wait_for
from support.published import copy_of, keeping
from support.small_warehouse import MODEL, STORES, add_week

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import open_generation
from rossmann_ml.serving.status import FailedRun, HeldPublish, OpenAlert, write_alerts, write_status
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]

LISTS = {
    "/stores": "stores",
    "/stores/1/history": "daily_sales",
    "/stores/1/revisions": "forecast_revisions",
    "/forecasts": "forecasts",
    "/totals": "forecast_totals",
    "/totals/horizon": "forecast_horizon_totals",
    "/accuracy": "forecast_accuracy",
    "/drift": "drift_metrics",
    "/data_quality": "data_quality_results",
    "/plan_filling": "plan_filling_accuracy",
    "/runs": "forecast_runs",
    "/usage": "api_usage",
    "/alerts": "alerts",
}


@pytest.fixture(scope="module")
def client(shared_published: Published) -> Iterator[TestClient]:
    with client_of(shared_published[0]) as client:
        yield client


def rows(client: TestClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    response = client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()["rows"]


@pytest.mark.parametrize(("path", "table"), LISTS.items())
def test_a_list_has_the_columns_of_its_table_and_its_provenance(
    client: TestClient, shared_published: Published, path: str, table: str
) -> None:
    answer = client.get(path).json()
    assert answer["provenance"]["generation_id"] == shared_published[1].generation_id
    assert answer["note"] is None
    assert answer["rows"]
    names = load_contract().table(table).column_names
    assert all(list(row) == names for row in answer["rows"])


def test_timestamps_are_marked_as_utc(client: TestClient) -> None:
    assert rows(client, "/data_quality")[0]["checked_at"] == "2015-08-03T06:01:00.000000Z"


@pytest.mark.parametrize(
    ("parameters", "stores", "rows_of_each"),
    [
        ({}, STORES, 42),
        ({"store_id": 2}, (2,), 42),
        ({"store_id": [2, 5, 4711]}, (2, 5), 42),
        ({"store_type": "b"}, (1, 5), 42),
        ({"store_type": ["b", "d"], "state": "HE"}, (1, 3, 5), 42),
        ({"assortment": "a"}, (3, 6), 42),
        ({"state": "BY", "first_date": "2015-08-10", "last_date": "2015-08-11"}, (2, 4), 2),
        ({"origin": "2015-07-24", "store_id": 1, "last_date": "2015-07-26"}, (1,), 2),
        ({"origin": "all", "store_id": 1, "first_date": "2015-09-11"}, (1,), 1),
        ({"origin": "2014-01-01"}, (), 0),
    ],
)
def test_forecasts_are_filtered(
    client: TestClient, parameters: dict[str, Any], stores: tuple[int, ...], rows_of_each: int
) -> None:
    found = rows(client, "/forecasts", **parameters)
    assert sorted({row["store_id"] for row in found}) == list(stores)
    assert len(found) == len(stores) * rows_of_each


def test_a_list_without_matching_rows_has_a_note(client: TestClient) -> None:
    answer = client.get("/forecasts", params={"origin": "2014-01-01"}).json()
    assert (answer["rows"], answer["next_cursor"]) == ([], None)
    assert answer["note"] == "No row matches."


def test_one_target_day_over_all_origins_shows_its_revisions(client: TestClient) -> None:
    day = {"first_date": "2015-08-03", "last_date": "2015-08-03"}
    found = rows(client, "/forecasts", origin="all", store_id=1, **day)
    assert [row["forecast_origin"] for row in found] == ["2015-07-24", "2015-07-31"]
    (revision,) = rows(client, "/stores/1/revisions", target_date="2015-08-03")
    assert revision["forecast_origin"] == "2015-07-31"
    assert revision["previous_origin"] == "2015-07-24"
    assert revision["sales_forecast"] == found[-1]["sales_forecast"]


def test_totals_are_of_a_level(client: TestClient) -> None:
    chain = rows(client, "/totals")
    assert {row["segment"] for row in chain} == {"all"}
    assert len(chain) == 7
    states = rows(client, "/totals", level="state", first_date="2015-08-03")
    assert {row["segment"] for row in states} == {"HE", "BY", "unknown"}
    assert all(row["week_start"] >= "2015-08-03" for row in states)
    one = rows(client, "/totals", level="store", segment=["1", "2"], origin="2015-07-24")
    assert {(row["segment"], row["forecast_origin"]) for row in one} == {
        ("1", "2015-07-24"),
        ("2", "2015-07-24"),
    }


def test_totals_of_the_first_days_are_of_a_level_and_a_number_of_days(client: TestClient) -> None:
    chain = rows(client, "/totals/horizon")
    days = [row["days"] for row in chain]
    assert days[:3] == [7, 14, 28]
    assert chain[-1]["last_date"] == max(row["target_date"] for row in rows(client, "/forecasts"))
    (one,) = rows(client, "/totals/horizon", level="store", segment="1", days=7)
    forecast = client.get("/stores/1/forecast", params={"days": 7}).json()["total"]
    for name in ("sales_unbiased", "lower_80", "upper_80", "lower_95", "upper_95"):
        assert one[name] == forecast[name]
    assert rows(client, "/totals/horizon", days=8) == []


def test_stores_and_runs_and_checks_are_filtered(client: TestClient) -> None:
    assert [row["store_id"] for row in rows(client, "/stores", is_forecast=False)] == [99]
    assert [row["store_id"] for row in rows(client, "/stores", state="BY")] == [2, 4]
    (run,) = rows(client, "/runs", origin="2015-07-24", run_kind="weekly")
    assert run["run_id"] == "weekly-2015-07-24"
    (failed,) = rows(client, "/data_quality", is_success=False)
    assert failed["check_name"] == "open_without_sales"
    assert rows(client, "/data_quality", severity="error", run_id="weekly-1")
    (overall,) = rows(client, "/accuracy", segment_kind="overall", origin="2015-06-19")
    assert overall["store_days"] > 0


def test_live_accuracy_comes_with_the_backtest_and_without_shadow(client: TestClient) -> None:
    served = rows(client, "/accuracy", segment_kind="overall")
    assert [row["forecast_origin"] for row in served] == ["2015-06-19", "2015-07-24"]
    assert {row["forecast_kind"] for row in served} == {"served"}
    assert served[0]["backtest_rmspe"] == 0.115
    (shadow,) = rows(client, "/accuracy", forecast_kind="shadow")
    assert shadow["forecast_origin"] == "2015-07-24"


def test_usage_is_filtered_by_path_and_day(client: TestClient) -> None:
    days = client.get("/usage", params={"path": "all"}).json()["rows"]
    assert [row["usage_date"] for row in days] == ["2015-08-02", "2015-08-03"]
    asked = {"path": "/stores/{store_id}", "since": "2015-08-03"}
    (newest,) = client.get("/usage", params=asked).json()["rows"]
    assert newest["requests"] == 20


def test_a_stores_history_is_by_day_and_marks_days_without_observation(client: TestClient) -> None:
    days = {"first_date": "2015-02-01", "last_date": "2015-02-03"}
    found = rows(client, "/stores/2/history", **days)
    assert [row["sales_date"] for row in found] == ["2015-02-01", "2015-02-02", "2015-02-03"]
    assert [row["is_observed"] for row in found] == [True, False, True]
    assert found[1]["sales"] is None
    problem_of(client.get("/stores/4711/history"), 404, "unknown-store")
    problem_of(client.get("/stores/4711/revisions"), 404, "unknown-store")


def test_drift_is_by_origin_and_marks_metrics_that_reached_their_threshold(
    client: TestClient,
) -> None:
    (drifted,) = rows(client, "/drift", is_drifted=True)
    assert (drifted["kind"], drifted["feature"]) == ("plan", "promo_by_weekday")
    assert drifted["forecast_origin"] == "2015-07-31"
    assert drifted["value"] == pytest.approx(0.16)
    assert len(rows(client, "/drift")) == 6
    (sales,) = rows(client, "/drift", kind="sales", origin="2015-06-19")
    assert sales["threshold"] == 1.2
    problem_of(client.get("/drift", params={"kind": "weather"}), 422, "invalid-value")


def test_a_store_is_described(client: TestClient) -> None:
    store = client.get("/stores/6")
    assert store.json()["state"] is None
    assert store.json()["store_type"] == "c"
    problem_of(client.get("/stores/4711"), 404, "unknown-store")


def pages(client: TestClient, path: str, **parameters: Any) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        asked = {**parameters, **({"cursor": cursor} if cursor else {})}
        answer = client.get(path, params=asked).json()
        found.append(answer["rows"])
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 41, 42, 252, 1000])
def test_all_pages_together_are_the_list_without_a_repeated_row(
    client: TestClient, limit: int
) -> None:
    filters = {"store_id": [1, 3], "limit": limit}
    found = pages(client, "/forecasts", **filters)
    assert [len(page) for page in found[:-1]] == [min(limit, 84)] * (len(found) - 1)
    assert [row for page in found for row in page] == rows(client, "/forecasts", store_id=[1, 3])


def test_a_list_that_began_before_a_publication_continues_in_its_generation(
    shared_published: Published, project_params: Params, tmp_path: Path
) -> None:
    settings = copy_of(shared_published[0], tmp_path)
    with client_of(settings) as client:
        whole = rows(client, "/forecasts")
        first = client.get("/forecasts", params={"limit": 100})
        add_week(settings)
        second = publish(Session(settings, project_params), run_id="weekly-2")
        wait_for(client, second.generation_id)
        address = first.headers["link"].split(">")[0].removeprefix("<")
        rest = client.get(address.replace("limit=100", "limit=1000"))
        assert rest.headers["etag"] == first.headers["etag"]
        assert first.json()["rows"] + rest.json()["rows"] == whole
        assert client.get("/forecasts").headers["etag"] == f'"{second.generation_id}"'


def test_a_cursor_of_a_deleted_generation_has_expired(
    shared_published: Published, project_params: Params, tmp_path: Path
) -> None:
    settings = copy_of(shared_published[0], tmp_path)
    params = keeping(project_params, 1)
    with client_of(settings) as client:
        cursor = client.get("/forecasts", params={"limit": 100}).json()["next_cursor"]
        add_week(settings)
        wait_for(client, publish(Session(settings, params), run_id="weekly-2").generation_id)
        response = client.get("/forecasts", params={"cursor": cursor})
        problem_of(response, 410, "cursor-expired")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "../../etc/pas-0123456789ab-1",
        "0123456789ab-0123456789ab",
        "0123456789ab-0123456789ab-0",
        "0123456789ab-0123456789ab--1",
        f"0123456789ab-0123456789ab-{10**12}",
    ],
)
def test_text_that_is_not_a_cursor_is_refused(client: TestClient, cursor: str) -> None:
    problem = problem_of(client.get("/forecasts", params={"cursor": cursor}), 422, "invalid-value")
    assert problem["errors"][0]["location"] == "query.cursor"


def test_a_cursor_of_other_filters_is_refused(client: TestClient) -> None:
    cursor = client.get("/forecasts", params={"limit": 1}).json()["next_cursor"]
    response = client.get("/forecasts", params={"cursor": cursor, "store_id": 1})
    assert "same filters" in problem_of(response, 422, "invalid-value")["detail"]
    problem_of(client.get("/stores", params={"cursor": cursor}), 422, "invalid-value")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/forecasts?limit=0", "query.limit"),
        ("/forecasts?limit=100001", "query.limit"),
        ("/forecasts?format=xml", "query.format"),
        ("/forecasts?store_id=0", "query.store_id.0"),
        ("/forecasts?first_date=soon", "query.first_date"),
        ("/totals?level=country", "query.level"),
        ("/totals/horizon?days=92", "query.days"),
        ("/runs?run_kind=daily", "query.run_kind"),
        ("/stores?state=", "query.state.0"),
        ("/accuracy?origin=0", "query.origin"),
        ("/accuracy?segment_kind=branch", "query.segment_kind.0"),
        ("/stores/x/history", "path.store_id"),
        ("/stores/1_0", "path.store_id"),
        ("/stores/+1/forecast", "path.store_id"),
        ("/stores/1.0", "path.store_id"),
        ("/stores/%201", "path.store_id"),
        ("/forecasts?store_id=01", "query.store_id.0"),
        ("/forecasts?limit=1_0", "query.limit"),
    ],
)
def test_an_invalid_filter_is_named(client: TestClient, path: str, location: str) -> None:
    problem = problem_of(client.get(path), 422, "invalid-value")
    assert [error["location"] for error in problem["errors"]] == [location]


def test_alerts_are_filtered_by_severity_rule_and_whether_they_are_open(
    client: TestClient,
) -> None:
    (over,) = rows(client, "/alerts", severity="warning", rule="stale_data", is_open=False)
    assert over["subject"] == "plan"
    for filters in ({"is_open": True}, {"severity": "critical"}, {"rule": "drift"}):
        assert rows(client, "/alerts", **filters) == []


def test_open_alerts_are_shown_also_without_a_publication(
    published_generation: Published,
) -> None:
    settings, generation = published_generation
    alert = OpenAlert(
        alert_id="a2", raised_at=datetime(2015, 8, 10, 6), rule="failed_run", subject="publish",
        severity="critical", owner="operations", message="5 stores", link="http://here/monitoring",
    )  # fmt: skip
    held = HeldPublish(
        generation_id="0123456789ab", forecast_origin=date(2015, 8, 7), run_id="weekly-2",
        reason="store 4 1,000 to 2,000 EUR",
    )  # fmt: skip
    failed = FailedRun(run_id="weekly-2", reason=held.reason, step="publish")
    write_status(settings, held_publish=held, last_failed_run=failed)
    write_alerts(settings, alerts=[alert], retraining_advice="drift (features)")
    with client_of(settings) as client:
        answer = client.get("/alerts/open").json()
        health = client.get("/health")
    assert [each["subject"] for each in answer["alerts"]] == ["publish"]
    assert answer["held_publish"]["reason"] == held.reason
    assert answer["retraining_advice"] == "drift (features)"
    assert health.json()["generation_id"] == generation.generation_id
    assert health.json()["open_alerts"] == {"critical": 1}
    assert health.json()["held_publish"]["generation_id"] == "0123456789ab"
    # health needs no key
    assert "EUR" not in health.text


def test_text_that_utf8_cannot_encode_is_refused_without_a_server_error(client: TestClient) -> None:
    problem_of(client.get("/forecasts?state=%ed%a0%80"), 422, "invalid-value")
    body = b'{"store_id": 1, "changes": [{"state_holiday": "\\ud800"}], "\\udfff": 1}'
    response = client.post("/predict", content=body, headers={"content-type": "application/json"})
    problem_of(response, 422, "invalid-value")


def test_a_past_origins_forecast_of_a_store(client: TestClient) -> None:
    answer = client.get("/stores/1/forecast", params={"origin": "2015-07-24", "days": 3}).json()
    assert answer["provenance"]["forecast_origin"] == "2015-07-24"
    assert answer["provenance"]["model_version"] == MODEL
    assert [day["target_date"] for day in answer["days"]] == [
        "2015-07-25", "2015-07-26", "2015-07-27",
    ]  # fmt: skip
    newest = client.get("/stores/1/forecast", params={"origin": "2015-07-31"})
    assert newest.json() == client.get("/stores/1/forecast").json()
    unknown = client.get("/stores/1/forecast", params={"origin": "2014-01-01"})
    problem_of(unknown, 404, "unknown-origin")
    for origin, reason in (("2015-07-24", "it was not in that run"), ("2015-07-31", "no plan")):
        without = client.get("/stores/99/forecast", params={"origin": origin})
        assert reason in problem_of(without, 404, "store-not-forecast")["detail"]
    known = {"If-None-Match": newest.headers["etag"]}
    again = client.get("/stores/1/forecast", params={"origin": "2015-07-31"}, headers=known)
    assert again.status_code == 304


def test_encoded_forecasts_equal_those_in_the_file(
    client: TestClient, shared_published: Published
) -> None:
    names = ("target_date", "sales_forecast", "lower_80", "upper_80", "lower_95", "upper_95")
    with open_generation(shared_published[1].path) as connection:
        for store_id in STORES:
            expected = connection.execute(
                f"SELECT {', '.join(names)} FROM latest_forecasts WHERE store_id = ? ORDER BY 1",
                [store_id],
            ).fetchall()
            days = client.get(f"/stores/{store_id}/forecast").json()["days"]
            found = [tuple(day[name] for name in names) for day in days]
            assert found == [(str(day), *figures) for day, *figures in expected]
            for number in (1, 2, 41, 42):
                part = client.get(f"/stores/{store_id}/forecast", params={"days": number}).json()
                assert part["days"] == days[:number]
