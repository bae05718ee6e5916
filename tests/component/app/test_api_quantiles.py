"""Quantiles of any level over HTTP, for forecasts, totals and what-if questions."""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl
import pytest
from fastapi.testclient import TestClient
from support.api import client_of, problem_of, wait_for_model
from support.stand_in_bundle import stand_in_for_all

from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.generations import open_generation

Published = tuple[Settings, PublishedGeneration]


@pytest.fixture(scope="module")
def client(shared_published: Published) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patched:
        stand_in_for_all(patched)
        with client_of(shared_published[0]) as client:
            wait_for_model(client)
            yield client


def test_a_stores_forecast_has_the_asked_levels_as_sql_gives_them(
    client: TestClient, shared_published: Published
) -> None:
    days = client.get("/stores/2/forecast?quantiles=0.7,.025,0.955").json()["days"]
    with open_generation(shared_published[1].path) as connection:
        expected = connection.execute(
            "SELECT list(quantile ORDER BY quantile_level) "
            "FROM forecast_quantiles_at([0.025, 0.7, 0.955]) WHERE store_id = 2 AND "
            "forecast_origin = '2015-07-31' GROUP BY target_date ORDER BY target_date"
        ).fetchall()
    for day, (quantiles,) in zip(days, expected, strict=True):
        found = [day["p2_5"], day["p70"], day["p95_5"]]
        assert found == pytest.approx(quantiles, rel=1e-9)
        assert found == sorted(found)
        assert (found == [0, 0, 0]) is not day["is_open"]
    assert "p70" not in client.get("/stores/2/forecast").json()["days"][0]


def test_lists_of_forecasts_and_totals_have_the_asked_levels_in_every_format(
    client: TestClient,
) -> None:
    (row,) = client.get("/forecasts?store_id=2&last_date=2015-08-01&quantiles=0.9").json()["rows"]
    (day, *_) = client.get("/stores/2/forecast?quantiles=0.9&days=1").json()["days"]
    assert row["p90"] == day["p90"] > row["sales_median"]
    found = client.get("/forecasts?origin=all&quantiles=0.5&format=parquet&limit=100000")
    rows = pl.read_parquet(io.BytesIO(found.content))
    assert rows["p50"].equals(rows["sales_median"])
    asked = {"quantiles": "0.1,0.5,0.9", "level": "store"}
    totals = [
        total
        for path in ("/totals", "/totals/horizon")
        for total in client.get(path, params=asked).json()["rows"]
    ]
    for total in totals:
        assert total["p10"] <= total["p50"] == total["sales_unbiased"] <= total["p90"]


def test_an_unchanged_plan_has_the_stored_median_and_scale_and_so_the_same_quantiles(
    client: TestClient,
) -> None:
    asked = {"store_id": 1, "last_date": "2015-08-03"}
    rows = client.post("/predict?quantiles=0.025,0.5,0.9", json=asked).json()["rows"]
    for row in rows:
        assert row["p50"] == row["sales_median"]
        assert row["p2_5"] <= row["p50"] <= row["p90"]
        assert (row["p2_5"] > 0) == row["is_open"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("2", "2"),
        ("abc", "abc"),
        ("0.5,nan", "nan"),
        ("0.5,", ""),
        ("0.009", "0.009"),
        ("0.5,0.50", "0.5,0.50"),
        (",".join(f"0.{level}" for level in range(11, 32)), None),
    ],
)
def test_other_levels_are_refused_with_the_value_and_what_is_expected(
    client: TestClient, asked: str, found: str | None
) -> None:
    for path in ("/stores/1/forecast", "/forecasts", "/totals", "/totals/horizon"):
        problem = problem_of(client.get(path, params={"quantiles": asked}), 422, "invalid-value")
        (error,) = problem["errors"]
        assert error["location"] == "query.quantiles"
        assert "numbers from 0.01 to 0.99, separated by commas" in error["message"]
        assert error["found"] == (asked if found is None else found)
