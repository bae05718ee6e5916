"""The request log: every request, in order, without delaying an answer."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.api import client_of

from app.api.records import request_log
from app.api.records.request_log import RequestLog, append_lines
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration


def record(number: int, day: int = 3) -> dict[str, Any]:
    return {
        "kind": "request",
        "request_id": str(number),
        "at": datetime(2015, 8, day, 6, tzinfo=UTC),
        "method": "GET",
        "path": "/runs",
        "status": 200,
        "milliseconds": 0.5,
    }


def log_of_one_record(folder: Path) -> RequestLog:
    log = RequestLog(folder, kept_days=2)
    log.start()
    log.record(record(1))
    log.close()
    return log


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_records_go_to_the_file_of_their_day_in_order(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "requests", kept_days=2)
    log.start()
    for number in range(2500):
        log.record(record(number, day=3 if number < 1500 else 4))
    log.close()
    days = {path.name: lines_of(path) for path in sorted((tmp_path / "requests").iterdir())}
    assert list(days) == ["2015-08-03.jsonl", "2015-08-04.jsonl"]
    written = [line["request_id"] for lines in days.values() for line in lines]
    assert written == [str(number) for number in range(2500)]
    assert log.dropped == 0


def test_a_full_queue_drops_records_and_the_file_counts_them(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, kept_days=2, capacity=5)
    for number in range(8):
        log.record(record(number))  # nothing writes yet, and nothing waits
    assert log.dropped == 3
    log.start()
    log.close()
    (file,) = tmp_path.iterdir()
    lines = lines_of(file)
    assert sum(line["kind"] == "request" for line in lines) == 5
    assert [line["requests"] for line in lines if line["kind"] == "dropped"] == [3]


def test_a_disk_that_refuses_costs_records_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "requests"
    blocked.write_text("a file where the folder should be")
    log = log_of_one_record(blocked)
    assert log.dropped == 1
    assert "requests are not recorded" in caplog.text


def test_a_record_that_cannot_be_written_costs_itself_and_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = RequestLog(tmp_path, kept_days=2)
    log.start()
    for number, more in enumerate([{}, {"stores": 1j}, {"stores": 1j}, {}]):
        log.record({**record(number), **more})
    log.close()
    (file,) = tmp_path.iterdir()
    lines = lines_of(file)
    assert [line["request_id"] for line in lines if line["kind"] == "request"] == ["0", "3"]
    assert log.dropped == 2
    assert caplog.text.count("requests are not recorded") == 1  # a lasting fault fills no log


def test_a_disk_that_takes_a_part_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log.os, "write", lambda _handle, _text: 3)
    with pytest.raises(OSError, match=r"wrote 3 of \d+ bytes"):
        append_lines(tmp_path / "day.jsonl", [record(1)])


def test_files_older_than_the_kept_days_are_deleted_on_a_new_day(tmp_path: Path) -> None:
    others = ["2015-07-31.jsonl", "2015-08-01.jsonl", "notes.jsonl", "2015-07-31.txt"]
    for name in others:
        (tmp_path / name).touch()
    log_of_one_record(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*others[1:], "2015-08-03.jsonl"}


def test_an_old_file_that_cannot_be_deleted_is_logged_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "2015-07-31.jsonl").mkdir()
    log = log_of_one_record(tmp_path)
    assert log.dropped == 0
    assert "an old request file is not deleted" in caplog.text


def test_closing_a_log_that_never_started_does_nothing(tmp_path: Path) -> None:
    RequestLog(tmp_path, kept_days=2).close()


def test_an_answer_does_not_wait_for_the_writer(
    shared_published: tuple[Settings, PublishedGeneration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stuck, may_go_on = threading.Event(), threading.Event()

    def write_slowly(*_: object, **__: object) -> None:
        stuck.set()
        assert may_go_on.wait(60)

    monkeypatch.setattr(request_log, "append_lines", write_slowly)
    settings = shared_published[0].model_copy(update={"state_dir": tmp_path})
    with client_of(settings) as client:
        client.get("/runs")
        assert stuck.wait(60)
        assert client.get("/stores/1/forecast").status_code == 200
        may_go_on.set()


def test_answers_are_recorded_and_requests_that_anyone_can_make_are_counted(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> None:
    settings, generation = shared_published
    settings = settings.model_copy(update={"state_dir": tmp_path})
    with client_of(settings) as client:
        client.get("/stores/1/forecast", headers={"X-Request-ID": "mine"})
        client.get("/forecasts", params={"store_id": [1, 2]})
        client.get("/forecasts", params={"limit": 0})
        for store_id in (4711, 4712):
            client.get(f"/stores/{store_id}/forecast")
        for path in ("/nothing", "/health", "/health", "/openapi.json"):
            client.get(path)
    (file,) = settings.requests_path.iterdir()
    found = lines_of(file)
    ours = generation.generation_id
    assert [
        (each["path"], each["status"], each["stores"], each["generation_id"]) for each in found[:2]
    ] == [
        ("/stores/{store_id}/forecast", 200, 1, ours),
        ("/forecasts", 200, 2, ours),
    ]
    assert found[0]["request_id"] == "mine"
    assert [each["store_id"] for each in found[:2]] == [1, None]
    assert [
        (each["kind"], each["path"], each["status"], each["requests"]) for each in found[2:]
    ] == [
        ("counted", "/forecasts", 422, 1),
        ("counted", "/stores/{store_id}/forecast", 404, 2),
        ("counted", "(none)", 404, 1),
        ("counted", "/health", 200, 2),
        ("counted", "/openapi.json", 200, 1),
    ]
    assert all(each["milliseconds"] > 0 for each in found)


def test_a_file_of_its_largest_size_gets_counts_only(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, kept_days=2, most_bytes_per_day=1_000)
    log.start()
    for number in range(100):
        log.record(record(number))
    log.record({**record(100), "status": 429})
    log.close()
    (file,) = tmp_path.iterdir()
    *recorded, refused, dropped = lines_of(file)
    assert 0 < len(recorded) < 10
    assert (refused["kind"], refused["status"], refused["requests"]) == ("counted", 429, 1)
    assert (dropped["kind"], dropped["requests"]) == ("dropped", 100 - len(recorded))
    assert log.dropped == 100 - len(recorded)


def test_a_record_has_no_address_of_the_caller(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> None:
    settings = shared_published[0].model_copy(update={"state_dir": tmp_path})
    with client_of(settings) as client:
        client.get("/runs")
    (file,) = settings.requests_path.iterdir()
    (found,) = lines_of(file)
    assert set(found) == {
        "kind", "request_id", "at", "method", "path", "status", "milliseconds", "stores",
        "store_id", "generation_id", "key_name", "what_if",
    }  # fmt: skip


def test_records_can_be_turned_off(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> None:
    settings = shared_published[0].model_copy(update={"state_dir": tmp_path})
    with client_of(settings, record_requests=False) as client:
        client.get("/health")
    assert not settings.requests_path.exists()
