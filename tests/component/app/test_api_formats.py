"""Formats of lists, and the choice among them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from support.api import client_of, problem_of

from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.generations import open_generation

Published = tuple[Settings, PublishedGeneration]


@pytest.fixture(scope="module")
def client(shared_published: Published) -> Iterator[TestClient]:
    with client_of(shared_published[0]) as client:
        yield client


READERS = {
    "text/csv": lambda content: pl.read_csv(io.BytesIO(content), try_parse_dates=True),
    "application/vnd.apache.parquet": lambda content: pl.read_parquet(io.BytesIO(content)),
    "application/vnd.apache.arrow.stream": pl.read_ipc_stream,
}
SHORT = dict(zip(READERS, ("csv", "parquet", "arrow"), strict=True))


@pytest.mark.parametrize("media_type", READERS)
@pytest.mark.parametrize("is_named", [True, False])
def test_every_format_contains_the_rows_of_the_table(
    client: TestClient, shared_published: Published, media_type: str, is_named: bool
) -> None:
    asked: dict[str, Any] = {"headers": {"Accept": media_type}}
    if is_named:
        asked = {"params": {"format": SHORT[media_type]}, "headers": {"Accept": "text/html"}}
    response = client.get("/forecasts", **asked)
    assert response.headers["content-type"].split(";")[0] == media_type
    ending = SHORT[media_type].replace("arrow", "arrows")  # a stream, not a file
    assert f'filename="forecasts.{ending}"' in response.headers["content-disposition"]
    with open_generation(shared_published[1].path) as connection:
        expected = connection.sql("SELECT * FROM latest_forecasts ORDER BY store_id, target_date")
        assert READERS[media_type](response.content).rows() == expected.pl().rows()


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv;q=0.2, application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/json;q=0, text/csv", "text/csv"),
        ("text/csv;q=high, application/json;q=0.5", "application/json"),
    ],
)
def test_the_best_accepted_format_is_sent(client: TestClient, accept: str, media_type: str) -> None:
    response = client.get("/runs", headers={"Accept": accept})
    assert response.headers["content-type"].split(";")[0] == media_type
    assert response.headers["vary"] == "Accept"


def test_a_format_that_is_not_offered_is_refused(client: TestClient) -> None:
    response = client.get("/runs", headers={"Accept": "text/html"})
    assert "text/csv" in problem_of(response, 406, "not-acceptable")["detail"]


def test_each_format_has_its_own_entity_tag(client: TestClient) -> None:
    tags = {
        form: client.get("/runs", params={"format": form}).headers["etag"]
        for form in ("json", "csv", "parquet", "arrow")
    }
    assert len(set(tags.values())) == 4
    for form, tag in tags.items():
        known = {"If-None-Match": tag}
        again = client.get("/runs", params={"format": form}, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["vary"] == "Accept"  # as in the response that the caller has
    other = {"If-None-Match": tags["csv"]}
    assert client.get("/runs", params={"format": "json"}, headers=other).status_code == 200
