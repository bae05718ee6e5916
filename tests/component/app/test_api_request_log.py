"""The request log: every request, in order, without ever holding up an answer."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.api import client_of

from app.api import request_log
from app.api.request_log import RequestLog, append_lines
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.request_records import DroppedRecord, RequestRecord, requests_path


def record(number: int, day: int = 3) -> dict[str, Any]:
    return {
        "kind": "request",
        "request_id": str(number),
        "at": datetime(2015, 8, day, 6, tzinfo=UTC),
        "method": "GET",
        "path": "/health",
        "status": 200,
        "milliseconds": 0.5,
    }


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_records_go_to_the_file_of_their_day_in_order(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "requests")
    log.start()
    for number in range(2500):
        log.record(record(number, day=3 if number < 1500 else 4))
    log.close()
    days = {path.name: lines_of(path) for path in sorted((tmp_path / "requests").iterdir())}
    assert list(days) == ["2015-08-03.jsonl", "2015-08-04.jsonl"]
    written = [RequestRecord.model_validate(line) for lines in days.values() for line in lines]
    assert [each.request_id for each in written] == [str(number) for number in range(2500)]
    assert log.dropped == 0


def test_a_full_queue_drops_and_counts_and_the_file_tells(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, capacity=5)
    for number in range(8):
        log.record(record(number))  # nothing writes yet, and nothing waits
    assert log.dropped == 3
    log.start()
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(lines_of(files[0])) == 5
    (dropped,) = lines_of(files[1])  # by the wall clock's day
    assert DroppedRecord.model_validate(dropped).requests == 3


def test_a_disk_that_refuses_costs_records_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "requests"
    blocked.write_text("a file where the folder should be")
    log = RequestLog(blocked)
    log.start()
    log.record(record(1))
    log.close()
    assert log.dropped == 1
    assert "requests are not recorded" in caplog.text


def test_a_disk_that_takes_a_part_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"wrote 3 of \d+ bytes"):
        append_lines(tmp_path / "day.jsonl", [record(1)], write=lambda _handle, _text: 3)


def test_closing_a_log_that_never_started_is_nothing(tmp_path: Path) -> None:
    RequestLog(tmp_path).close()


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
        client.get("/health")
        assert stuck.wait(60)
        assert client.get("/stores/1/forecast").status_code == 200
        may_go_on.set()


def test_every_request_is_recorded_refusals_too(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> None:
    settings, generation = shared_published
    settings = settings.model_copy(update={"state_dir": tmp_path})
    with client_of(settings) as client:
        client.get("/stores/1/forecast", headers={"X-Request-ID": "mine"})
        client.get("/forecasts", params={"store_id": [1, 2]})
        client.get("/stores/4711/forecast")
        client.get("/nothing")
    (file,) = requests_path(settings).iterdir()
    found = [RequestRecord.model_validate(line) for line in lines_of(file)]
    told = [(each.path, each.status, each.stores, each.generation_id) for each in found]
    ours = generation.generation_id
    assert told == [
        ("/stores/{store_id}/forecast", 200, 1, ours),
        ("/forecasts", 200, 2, ours),
        ("/stores/{store_id}/forecast", 404, 1, ours),
        ("(none)", 404, None, None),
    ]
    assert found[0].request_id == "mine"
    assert [each.store_id for each in found] == [1, None, 4711, None]
    assert all(each.milliseconds > 0 for each in found)


def test_records_can_be_turned_off(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> None:
    settings = shared_published[0].model_copy(update={"state_dir": tmp_path})
    with client_of(settings, record_requests=False) as client:
        client.get("/health")
    assert not requests_path(settings).exists()
