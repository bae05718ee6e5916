"""Generations of earlier versions: what they lack is unknown, and nothing fails for it."""

from __future__ import annotations

import duckdb
import pytest

from app.older_generations import open_completed
from rossmann_ml.publish import PublishedGeneration
from rossmann_ml.settings import Settings

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
