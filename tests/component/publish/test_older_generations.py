"""Generations of earlier versions: what they lack is unknown, and nothing fails for it."""

from __future__ import annotations

import duckdb
import pytest
from support.api import client_of

from app.older_generations import open_completed
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration

Published = tuple[Settings, PublishedGeneration]


@pytest.fixture
def older(published_generation: Published) -> PublishedGeneration:
    """A generation from before medians over origins were kept."""
    _, generation = published_generation
    generation.path.chmod(0o644)
    with duckdb.connect(str(generation.path)) as connection:
        connection.execute("ALTER TABLE model_versions DROP COLUMN rmspe_median")
        connection.execute("ALTER TABLE backtest_scores DROP COLUMN rmspe_median")
    return generation


def test_a_column_that_an_older_generation_lacks_is_null(older: PublishedGeneration) -> None:
    with open_completed(older.path) as connection:
        rows = connection.execute("SELECT rmspe_mean, rmspe_median FROM model_versions").fetchall()
        assert rows == [(0.12, None)]
        # of all threads that read
        assert connection.cursor().execute("SELECT rmspe_median FROM backtest_scores").fetchone()
        assert connection.execute("SELECT count(*) FROM latest_forecasts").fetchone() != (0,)


def test_an_older_generation_is_as_closed_as_one_of_today(older: PublishedGeneration) -> None:
    with open_completed(older.path) as connection:
        with pytest.raises(duckdb.Error):
            connection.execute("DELETE FROM generation.model_versions")
        with pytest.raises(duckdb.Error):
            connection.execute("SELECT * FROM read_text('/etc/hostname')")
        with pytest.raises(duckdb.Error):
            connection.execute("SET enable_external_access = true")


def test_a_generation_of_today_is_opened_as_it_is(published_generation: Published) -> None:
    with open_completed(published_generation[1].path) as connection:
        assert ("generation",) not in connection.execute(
            "SELECT database_name FROM duckdb_databases()"
        ).fetchall()


@pytest.mark.parametrize(
    "path",
    [
        "/stores",
        "/stores/1/history",
        "/forecasts",
        "/totals",
        "/accuracy",
        "/data_quality",
        "/runs",
    ],
)
def test_lists_of_an_older_generation_are_answered_page_by_page(
    older: PublishedGeneration, published_generation: Published, path: str
) -> None:
    with client_of(published_generation[0]) as client:
        whole = client.get(path, params={"limit": 1000}).json()["rows"]
        pages, cursor = [], None
        while len(pages) < 3:
            answer = client.get(path, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
            assert answer.status_code == 200, answer.text
            pages.append(answer.json()["rows"])
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                break
    assert [row for page in pages for row in page] == whole[: sum(map(len, pages))]


def test_before_kinds_of_forecast_were_told_apart_all_accuracy_was_of_what_was_served(
    published_generation: Published,
) -> None:
    settings, generation = published_generation
    generation.path.chmod(0o644)
    with duckdb.connect(str(generation.path)) as connection:
        connection.execute("DELETE FROM forecast_accuracy WHERE forecast_kind = 'shadow'")
        connection.execute("ALTER TABLE forecast_accuracy DROP COLUMN forecast_kind")
    with client_of(settings) as client:
        served = client.get("/accuracy", params={"segment_kind": "overall"}).json()["rows"]
        assert [row["forecast_origin"] for row in served] == ["2015-06-19", "2015-07-24"]
        assert client.get("/accuracy", params={"forecast_kind": "shadow"}).json()["rows"] == []
