"""The mart of API usage, read from the files that the API writes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from support.dbt_sql import render
from support.small_warehouse import small_settings

from app.api.records.request_log import RequestLog, append_lines
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.dbt import dbt_environment, run_dbt
from rossmann_ml.warehouse.session import Session

DAY = date(2015, 8, 3)


def usage_of(folder: Path) -> pl.DataFrame:
    with duckdb.connect() as connection:
        query = render("api_usage").replace("/dev/null", str(folder / "*.jsonl"))
        return read_frame(connection, query)


def record(number: int = 1, **others: Any) -> dict[str, Any]:
    return {
        "kind": "request",
        "request_id": f"r{number}",
        "at": datetime(2015, 8, 3, 6, tzinfo=UTC),
        "method": "GET",
        "path": "/a",
        "status": 200,
        "milliseconds": 1.0,
        "stores": None,
        "store_id": None,
        "generation_id": None,
        "key_name": None,
        "what_if": None,
        **others,
    }


def test_what_the_api_writes_is_what_is_read(tmp_path: Path) -> None:
    plan = {"first_date": DAY, "last_date": DAY, "changes": [{"is_promo": True}]}
    log = RequestLog(tmp_path, kept_days=2)
    log.start()
    for each in (
        record(store_id=1),
        record(store_id=1, status=304, milliseconds=2.0),
        record(store_id=2, milliseconds=3.0),
        record(store_id=9, status=404),
        record(
            path="/predict",
            milliseconds=40.0,
            what_if={"store_ids": [1, 3], **plan, "forecasts": [(1, 2.0, None)]},
        ),
        record(path="/predict", milliseconds=50.0, what_if={"store_ids": None, **plan}),
        record(path="/predict", milliseconds=60.0, status=500),
    ):
        log.record(each)
    log.close()
    assert usage_of(tmp_path).rows(named=True) == [
        {
            "usage_date": DAY,
            "path": path,
            "requests": requests,
            "latency_p50_ms": median,
            "latency_p99_ms": pytest.approx(slow),
            "answered": answered,
            "client_errors": client_errors,
            "server_errors": server_errors,
            "stores_asked": stores,
            "what_if_requests": what_if,
            "unrecorded_requests": unrecorded,
        }
        for (
            path, requests, median, slow, answered, client_errors, server_errors, stores, what_if,
            unrecorded,
        ) in (
            ("/a", 4, 1.5, 2.97, 3, 1, 0, 2, 0, None),
            ("/predict", 3, 50.0, 59.8, 2, 0, 1, 2, 2, None),
            ("all", 7, 3.0, 59.4, 5, 1, 1, 3, 2, 0),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        b"{broken",
        b"\xff\xfe",
        b"[1]",
        b'{"kind": "request"}',
        b'{"kind": "other", "path": "/a", "status": 200, "milliseconds": 1.0}',
        b'{"kind": "requ' + json.dumps(record(), default=str).encode(),
        json.dumps(record(status="x"), default=str).encode(),
        json.dumps(record(milliseconds=float("inf")), default=str).encode(),
    ],
)
def test_a_line_that_cannot_be_read_counts_as_an_unrecorded_request(
    tmp_path: Path, line: bytes
) -> None:
    good = (json.dumps(record(), default=str) + "\n").encode()
    (tmp_path / f"{DAY}.jsonl").write_bytes(good + line + b"\n" + good)
    day = usage_of(tmp_path).row(by_predicate=pl.col("path") == "all", named=True)
    assert (day["requests"], day["unrecorded_requests"]) == (2, 1)


def test_a_last_line_that_is_half_written_fails_nothing(tmp_path: Path) -> None:
    append_lines(tmp_path / f"{DAY}.jsonl", [record(), record()])
    with (tmp_path / f"{DAY}.jsonl").open("a") as unfinished:
        unfinished.write('{"kind": "requ')
    day = usage_of(tmp_path).row(by_predicate=pl.col("path") == "all", named=True)
    assert (day["requests"], day["unrecorded_requests"]) == (2, 1)


def test_requests_that_the_api_counted_as_dropped_are_unrecorded(tmp_path: Path) -> None:
    dropped = {"kind": "dropped", "at": datetime(2015, 8, 3, 6, tzinfo=UTC), "requests": 12}
    append_lines(tmp_path / f"{DAY}.jsonl", [record(), dropped])
    assert usage_of(tmp_path)["unrecorded_requests"].to_list() == [None, 12]


def test_refused_requests_are_read_as_many(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, kept_days=2)
    log.start()
    for status in (200, 404, 404, 404):
        log.record(record(status=status))
    log.close()
    usage = usage_of(tmp_path).filter(pl.col("path") == "/a").row(0, named=True)
    assert (usage["requests"], usage["answered"], usage["client_errors"]) == (4, 1, 3)


def test_files_with_other_names_are_not_read(tmp_path: Path) -> None:
    append_lines(tmp_path / "notes.jsonl", [record()])
    append_lines(tmp_path / "2015-08-03.jsonl.part", [record()])
    assert usage_of(tmp_path).is_empty()


def test_without_any_file_there_is_no_usage(tmp_path: Path) -> None:
    settings = small_settings(tmp_path)
    assert dbt_environment(settings)["ROSSMANN_REQUEST_FILES"] == "/dev/null"
    with duckdb.connect() as connection:
        assert read_frame(connection, render("api_usage")).is_empty()
    append_lines(settings.requests_path / f"{DAY}.jsonl", [record()])
    files = dbt_environment(settings)["ROSSMANN_REQUEST_FILES"]
    assert files == str(settings.requests_path / "*.jsonl")


def test_dbt_builds_the_mart_from_the_files(tmp_path: Path) -> None:
    settings = small_settings(tmp_path)
    session = Session(settings)
    with session.writing():
        pass  # creates the database
    days = "SELECT usage_date FROM marts.api_usage WHERE path = 'all'"
    append_lines(settings.requests_path / f"{DAY}.jsonl", [record()])
    run_dbt(session, ["build", "--select", "api_usage"])
    with session.reading() as connection:
        assert connection.execute(days).fetchall() == [(DAY,)]


def test_the_folder_may_have_any_name(tmp_path: Path) -> None:
    settings = small_settings(tmp_path / "o'brien [1]*")
    append_lines(settings.requests_path / f"{DAY}.jsonl", [record()])
    files = dbt_environment(settings)["ROSSMANN_REQUEST_FILES"]
    with duckdb.connect() as connection:
        query = render("api_usage").replace("/dev/null", files.replace("'", "''"))
        assert read_frame(connection, query)["requests"].to_list() == [1, 1]
