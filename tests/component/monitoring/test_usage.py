"""Request files: each line read once, whatever state they are left in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from support.small_warehouse import small_settings

from app.api.request_log import RequestLog, append_lines
from rossmann_ml.base.settings import Settings
from rossmann_ml.monitoring import usage
from rossmann_ml.monitoring.usage import ingest_requests
from rossmann_ml.serving.request_records import requests_path
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

TODAY = date(2015, 8, 4)


def record(number: int, **others: Any) -> dict[str, Any]:
    return {
        "kind": "request",
        "request_id": f"r{number}",
        "at": "2015-08-03T06:00:00+00:00",
        "method": "GET",
        "path": "/stores/{store_id}",
        "status": 200,
        "milliseconds": 1.5,
        **others,
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return small_settings(tmp_path)


@pytest.fixture
def file(settings: Settings) -> Path:
    path = requests_path(settings) / "2015-08-03.jsonl"
    path.parent.mkdir(parents=True)
    return path


def stored(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).fetchall()


IDS = "SELECT request_id FROM monitoring.api_requests ORDER BY file_name, byte_offset"


def test_what_the_api_writes_is_what_is_read(settings: Settings, file: Path) -> None:
    log = RequestLog(file.parent)
    log.start()
    at = datetime(2015, 8, 3, 6, tzinfo=UTC)
    log.record({**record(1), "at": at, "stores": 1, "store_id": 7, "key_name": "planner"})
    what_if = {
        "store_ids": [9, 8], "first_date": "2015-08-04", "last_date": "2015-08-05", "changes": [],
        "model_version": "m", "forecasts": [[8, 10.0, None]],
    }  # fmt: skip
    log.record({**record(2), "at": at, "what_if": what_if})
    log.close()
    report = ingest_requests(Session(settings), today=TODAY)
    assert (report.files, report.requests, report.rejected_lines) == (1, 2, 0)
    assert stored(
        settings,
        "SELECT request_id, answered_at, status, stores, store_ids, is_what_if, key_name "
        "FROM monitoring.api_requests ORDER BY request_id",
    ) == [
        ("r1", datetime(2015, 8, 3, 6), 200, 1, [7], False, "planner"),
        ("r2", datetime(2015, 8, 3, 6), 200, None, [8, 9], True, None),
    ]


def test_lines_are_read_once_and_an_unfinished_one_when_it_is_whole(
    settings: Settings, file: Path
) -> None:
    append_lines(file, [record(1), record(2)])
    third = json.dumps(record(3)) + "\n"
    with file.open("a") as unfinished:
        unfinished.write(third[:40])
    assert ingest_requests(Session(settings), today=TODAY).requests == 2
    assert (
        ingest_requests(Session(settings), today=TODAY).files == 1
    )  # looked at, nothing whole in it
    with file.open("a") as finished:
        finished.write(third[40:])
    append_lines(file, [record(4)])
    assert ingest_requests(Session(settings), today=TODAY).requests == 2
    assert ingest_requests(Session(settings), today=TODAY).files == 0
    assert stored(settings, IDS) == [("r1",), ("r2",), ("r3",), ("r4",)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"kind": "request"}', "request_id: Field required"),
        (b'{"kind": "other"}', "does not match any of the expected tags"),
        (json.dumps(record(1, status=99)).encode(), "status: Input should be greater than"),
        (json.dumps(record(1, milliseconds=float("inf"))).encode(), "milliseconds:"),
        (json.dumps(record(1, store_id=2**40)).encode(), "store_id: Input should be less"),
    ],
)
def test_a_line_that_is_no_record_is_set_aside_with_the_reason(
    settings: Settings, file: Path, line: bytes, reason: str
) -> None:
    good = (json.dumps(record(1)) + "\n").encode()
    file.write_bytes(good + line + b"\n" + good.replace(b"r1", b"r2"))
    report = ingest_requests(Session(settings), today=TODAY)
    assert (report.requests, report.rejected_lines) == (2, 1)
    ((offset, told),) = stored(
        settings, "SELECT byte_offset, reason FROM monitoring.rejected_request_lines"
    )
    assert offset == len(good)
    assert reason in told
    assert ingest_requests(Session(settings), today=TODAY).rejected_lines == 0


def test_requests_that_were_not_recorded_are_counted(settings: Settings, file: Path) -> None:
    append_lines(file, [{"kind": "dropped", "at": "2015-08-03T08:00:00+02:00", "requests": 12}])
    assert ingest_requests(Session(settings), today=TODAY).unrecorded_requests == 12
    assert stored(settings, "SELECT counted_at, requests FROM monitoring.unrecorded_requests") == [
        (datetime(2015, 8, 3, 6), 12)
    ]


def test_an_interrupted_reading_goes_on_where_the_last_block_ended(
    settings: Settings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "_BLOCK_BYTES", 300)  # about two lines
    append_lines(file, [record(number) for number in range(20)])
    store, calls = usage._Rows.store, []

    def store_twice_then_fail(rows: Any, connection: Any) -> None:
        store(rows, connection)
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(usage._Rows, "store", store_twice_then_fail)
    with pytest.raises(KeyboardInterrupt):
        ingest_requests(Session(settings), today=TODAY)
    before = len(stored(settings, IDS))
    assert 0 < before < 20
    monkeypatch.setattr(usage._Rows, "store", store)
    assert ingest_requests(Session(settings), today=TODAY).requests == 20 - before
    assert stored(settings, IDS) == [(f"r{number}",) for number in range(20)]


def test_old_files_are_deleted_once_read_to_their_end(settings: Settings, file: Path) -> None:
    append_lines(file, [record(1)])
    cut = file.with_name("2015-08-01.jsonl")
    cut.write_text('{"kind": "requ')
    assert ingest_requests(Session(settings), today=date(2015, 9, 2)).deleted_files == []
    report = ingest_requests(Session(settings), today=date(2015, 9, 3))
    assert report.deleted_files == ["2015-08-03.jsonl"]
    assert "ends within a line" in report.refused_files["2015-08-01.jsonl"]
    assert not file.exists()
    assert cut.exists()
    assert stored(settings, IDS) == [("r1",)]
    assert stored(
        settings, "SELECT file_name FROM monitoring.request_files WHERE is_deleted"
    ) == [("2015-08-03.jsonl",)]  # fmt: skip


def test_a_file_that_became_shorter_is_named_and_left_alone(settings: Settings, file: Path) -> None:
    append_lines(file, [record(1), record(2)])
    ingest_requests(Session(settings), today=TODAY)
    file.write_text("{}\n")
    report = ingest_requests(Session(settings), today=date(2015, 12, 1))
    assert "the API only appends" in report.refused_files[file.name]
    assert report.requests == 0
    assert file.exists()


def test_what_is_not_a_request_file_is_not_read_and_what_cannot_be_is_named(
    settings: Settings, file: Path
) -> None:
    (file.parent / "notes.txt").write_text("{broken\n")
    file.mkdir()
    report = ingest_requests(Session(settings), today=TODAY)
    assert report.rejected_lines == 0
    assert list(report.refused_files) == [file.name]


def test_without_any_file_nothing_is_read(settings: Settings) -> None:
    assert ingest_requests(Session(settings)).files == 0
