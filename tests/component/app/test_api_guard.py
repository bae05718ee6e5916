"""ASGI layers around every request: keys, limits, headers, request ids and logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from support.api import client_of, problem_of

from app.api import keys
from app.api.__main__ import server_config
from app.api.bounds.guard import Guard
from app.api.main import create_app
from app.api.records.logs import JsonLines, configure
from app.api.settings import load_api_settings
from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration

Published = tuple[Settings, PublishedGeneration]

KEY, OTHER = "rf_first-key", "rf_second-key"
KEYS = ",".join(
    f"{name}:{keys.hash_key(key).hex()}" for name, key in (("planner", KEY), ("shop", OTHER))
)


@pytest.fixture
def settings(shared_published: Published) -> Settings:
    return shared_published[0]


@pytest.fixture
def guarded(settings: Settings) -> Iterator[TestClient]:
    with client_of(settings, keys=KEYS) as client:
        yield client


@pytest.mark.parametrize("header", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {OTHER}"}])
def test_the_holder_of_a_key_gets_an_answer(guarded: TestClient, header: dict[str, str]) -> None:
    assert guarded.get("/stores/1/forecast", headers=header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY + "x"},
        {"X-API-Key": keys.hash_key(KEY).hex()},
        {"X-API-Key": "schlüssel"},
        {"Authorization": f"Basic {KEY}"},
    ],
)
@pytest.mark.parametrize("path", ["/stores/1/forecast", "/metrics", "/nothing", "/predict"])
def test_a_request_without_a_valid_key_is_refused(
    guarded: TestClient, header: dict[str, str], path: str
) -> None:
    encoded = {name: value.encode("latin-1") for name, value in header.items()}
    response = guarded.get(path, headers=encoded)
    problem_of(response, 401, "unauthorised")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/docs", "/openapi.json", "/docs/static/swagger-ui.css"]
)
def test_the_state_and_the_documentation_are_open(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_every_hash_is_compared_whether_or_not_one_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []
    monkeypatch.setattr(
        keys.hmac, "compare_digest", lambda one, two: compared.append(two) or one == two
    )
    hashes = load_api_settings(keys=KEYS).key_hashes
    assert keys.holder_of(KEY, hashes) == "planner"
    assert keys.holder_of("wrong", hashes) is None
    assert compared == 2 * list(hashes.values())


def test_a_new_key_is_shown_once_and_its_entry_admits_its_holder(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys.main(["new-planner"]) == 0
    key_line, entry_line = capsys.readouterr().out.splitlines()
    key, entry = (line.split(": ")[1] for line in (key_line, entry_line))
    assert key not in entry
    with client_of(settings, keys=entry) as client:
        assert client.get("/runs", headers={"X-API-Key": key}).status_code == 200
    assert keys.main(["a b"]) == 2
    assert keys.main([]) == 2


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("KEYS", "planner:secret", "entry 1 is not of the form name:hash"),
        ("RATE_LIMIT", "many", "ROSSMANN_API_RATE_LIMIT"),
        ("MAX_BODY_BYTES", "0", "ROSSMANN_API_MAX_BODY_BYTES"),
        ("LOG_LEVEL", "LOUD", "ROSSMANN_API_LOG_LEVEL"),
    ],
)
def test_an_invalid_setting_is_named_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"ROSSMANN_API_{name}", value)
    with pytest.raises(SettingsError, match=words) as raised:
        load_api_settings()
    assert "secret" not in str(raised.value)


def test_printed_settings_contain_no_keys() -> None:
    shown = repr(load_api_settings(keys=KEYS))
    assert keys.hash_key(KEY).hex() not in shown


def test_a_caller_above_the_rate_limit_gets_the_seconds_to_wait(settings: Settings) -> None:
    with client_of(settings, rate_limit="3/minute") as client:
        for _ in range(3):
            assert client.get("/stores/1/forecast").status_code == 200
        response = client.get("/stores/1/forecast")
        problem_of(response, 429, "rate-limited")
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert client.get("/health").status_code == 200


def test_every_key_has_its_own_rate_limit(settings: Settings) -> None:
    with client_of(settings, rate_limit="1/minute", keys=KEYS) as client:
        assert client.get("/runs", headers={"X-API-Key": KEY}).status_code == 200
        assert client.get("/runs", headers={"X-API-Key": KEY}).status_code == 429
        assert client.get("/runs", headers={"X-API-Key": OTHER}).status_code == 200


def test_wrong_keys_count_against_the_limit(settings: Settings) -> None:
    with client_of(settings, rate_limit="2/minute", keys=KEYS) as client:
        wrong = [client.get("/runs", headers={"X-API-Key": str(n)}).status_code for n in range(4)]
        assert wrong == [401, 401, 429, 429]
        assert client.get("/runs", headers={"X-API-Key": KEY}).status_code == 200


@pytest.mark.parametrize(("proxies", "statuses"), [("", [200, 429]), ("127.0.0.1", [200, 200])])
def test_only_named_proxies_say_who_calls(
    settings: Settings, proxies: str, statuses: list[int]
) -> None:
    api = load_api_settings(rate_limit="1/minute", trusted_proxies=proxies)
    app = create_app(settings, api)
    config = server_config(app, api, host="127.0.0.1", port=0)
    config.load()
    with TestClient(app):  # starts and stops the application
        client = TestClient(config.loaded_app, "http://localhost", client=("127.0.0.1", 1))
        asked = [
            client.get("/runs", headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code
            for n in range(2)
        ]
    assert asked == statuses


def test_the_memory_for_counting_callers_is_bounded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.bounds.guard._CALLERS_COUNTED", 5)
    api = load_api_settings()
    app = create_app(settings, api)
    with TestClient(app, "http://localhost"):
        for number in range(20):
            client = TestClient(app, "http://localhost", client=(f"192.0.2.{number}", 1))
            assert client.get("/runs").status_code == 200


def test_the_name_of_another_server_is_refused(settings: Settings) -> None:
    with client_of(settings, allowed_hosts="planning.example") as client:
        for path in ("/runs", "/health"):
            refused = client.get(path, headers={"Host": "evil.example"})
            problem_of(refused, 421, "unknown-host")
            assert client.get(path, headers={"Host": "planning.example:80"}).status_code == 200


def test_without_a_rate_limit_no_caller_is_refused(settings: Settings) -> None:
    with client_of(settings, rate_limit="") as client:
        assert {client.get("/stores/1/forecast").status_code for _ in range(20)} == {200}


def test_a_body_that_is_too_large_is_refused_with_and_without_announced_size(
    settings: Settings,
) -> None:
    body = json.dumps({"store_id": 1, "changes": []}) + " " * 200
    kind = {"content-type": "application/json"}
    with client_of(settings, max_body_bytes=100) as client:
        announced = client.post("/predict", content=body, headers=kind)
        problem_of(announced, 413, "too-large")
        pieces = (piece.encode() for piece in (body[:90], body[90:]))
        problem_of(client.post("/predict", content=pieces, headers=kind), 413, "too-large")


def test_pages_of_other_origins_read_answers_only_where_a_setting_allows_it(
    settings: Settings,
) -> None:
    page = {"Origin": "https://planning.example"}
    with client_of(settings) as client:
        assert "access-control-allow-origin" not in client.get("/runs", headers=page).headers
    with client_of(settings, cors_origins="https://planning.example", keys=KEYS) as client:
        asked = {**page, "Access-Control-Request-Method": "POST"}
        allowed = client.options("/predict", headers=asked)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == page["Origin"]
        strange = client.options("/predict", headers={**asked, "Origin": "https://evil.example"})
        assert strange.status_code == 400
        assert "access-control-allow-origin" not in strange.headers


def test_every_answer_has_security_headers_and_an_id(settings: Settings) -> None:
    with client_of(settings) as client:
        for path in ("/stores/1/forecast", "/nothing", "/docs"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert len(headers["x-request-id"]) == 32
        own = client.get("/health", headers={"X-Request-ID": "order-17"})
        assert own.headers["x-request-id"] == "order-17"
        strange = client.get("/health", headers={"X-Request-ID": "a b"})
        assert len(strange.headers["x-request-id"]) == 32


def test_the_documentation_page_works_without_the_internet(settings: Settings) -> None:
    with client_of(settings) as client:
        page = client.get("/docs").text
        assert "http" not in page
        assert '"validatorUrl": null' in page
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
            assert f'"/docs/static/{name}"' in page
            assert client.get(f"/docs/static/{name}").status_code == 200


def test_an_unexpected_exception_is_a_problem_without_details_and_is_logged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("app.api.routers.monitoring.answer_page", break_down)
    with client_of(settings) as client, caplog.at_level(logging.INFO):
        response = client.get("/runs", headers={"X-Request-ID": "r-1"})
    problem = problem_of(response, 500, "internal-error")
    assert "secret" not in json.dumps(problem)
    assert response.headers["x-request-id"] == "r-1"
    (failed,) = [record for record in caplog.records if record.message == "failed"]
    assert failed.request_id == "r-1"
    assert failed.exc_info is not None


def test_logs_are_json_lines_with_the_request_and_without_secrets(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with client_of(settings, keys=KEYS) as client, caplog.at_level(logging.DEBUG, "app"):
        client.get("/stores/4711/forecast?token=hidden", headers={"X-API-Key": KEY})
        client.get("/runs", headers={"X-API-Key": "wrong-secret"})
    ours = [record for record in caplog.records if record.name.startswith("app.")]
    lines = [json.loads(JsonLines().format(record)) for record in ours]
    refused = [line for line in lines if line["message"] == "refused"]
    assert {line["level"] for line in refused} == {"DEBUG"}  # so that callers cannot fill the log
    assert [(line["path"], line["status"], line["key_name"]) for line in refused] == [
        ("/stores/{store_id}/forecast", 404, "planner"),
        ("(none)", 401, None),
    ]
    text = json.dumps(lines)
    assert all(secret not in text for secret in (KEY, "wrong-secret", "hidden"))


def test_a_traceback_stays_on_its_line() -> None:
    try:
        int("x")
    except ValueError:
        record = logging.LogRecord("a", 40, "f", 1, "broken %s", ("so",), sys.exc_info())
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "broken so"
    assert "ValueError: invalid literal" in json.loads(line)["traceback"]


def test_the_whole_process_logs_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure("WARNING")
        logging.getLogger("uvicorn.error").warning("late")
        logging.getLogger("app.api").info("below the level")
        (line,) = capsys.readouterr().err.splitlines()
        assert json.loads(line)["message"] == "late"
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def test_messages_other_than_http_pass_unchanged() -> None:
    seen = []

    async def inner(scope: dict, receive: object, send: object) -> None:
        seen.append(scope["type"])

    guard = Guard(inner, settings=load_api_settings())
    with pytest.raises(StopIteration):
        guard({"type": "lifespan"}, None, None).send(None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_metrics_count_by_route_template_and_name_the_generation(
    settings: Settings, shared_published: Published
) -> None:
    with client_of(settings) as client:
        for store_id in (1, 2, 4711):
            client.get(f"/stores/{store_id}/forecast")
        client.get("/stores/nothing/at/all")
        client.request("BREW", "/runs")
        text = client.get("/metrics").text
    path = 'path="/stores/{store_id}/forecast"'
    assert f'rossmann_api_requests_total{{method="GET",{path},status="200"}} 2.0' in text
    assert f'rossmann_api_requests_total{{method="GET",{path},status="404"}} 1.0' in text
    assert 'path="(none)"' in text
    assert 'method="OTHER"' in text
    assert f'generation_id="{shared_published[1].generation_id}"' in text
    assert "rossmann_api_request_records_dropped 0.0" in text
