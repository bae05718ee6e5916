"""Runs of the weekly job that a fault stops, a repeated one, and one of a past origin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from support.refreshed import Refreshed
from support.weekly_drop import NEWEST_ORIGIN

from assets.home import open_instance
from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.serving.status import read_status

pytestmark = pytest.mark.integration


@pytest.fixture
def place(copy_of_refreshed: Callable[[], Refreshed]) -> Refreshed:
    return copy_of_refreshed()


AFTER_RAW = [
    "alert_checks",
    "core",
    "feature_expectations",
    "features__scoring_panel",
    "forecast_expectations",
    "forecasting__forecast_drivers",
    "forecasting__shadow_forecasts",
    "forecasts",
    "marts",
    "monitoring__alerts",
    "monitoring__drift_metrics",
    "plan_expectations",
    "published__generation",
    "raw_expectations",
]


def test_a_failed_expectation_stops_everything_after_it(place: Refreshed):
    before = place.current
    place.execute("UPDATE raw.sales SET sales = 900000 WHERE store = 3 AND date = '2015-06-12'")
    result, undone = place.run("weekly_refresh")
    assert not result.success
    assert undone == AFTER_RAW
    assert place.current == before
    failed = read_status(place.settings.published_path).last_failed_run
    assert failed is not None
    assert failed.step == "raw_expectations"
    assert "900,000" in failed.reason
    assert failed.run_id == result.run_id
    with duckdb.connect(str(place.settings.published_path / before), read_only=True) as published:
        assert published.execute("SELECT count(*) FROM latest_forecasts").fetchall() == [(1680,)]


def test_a_failed_dbt_test_stops_everything_after_it_and_is_printed(place: Refreshed):
    before = place.current
    place.execute("DELETE FROM raw.public_holidays")
    done = place.command("refresh")
    assert done.returncode == RefusedError.exit_code
    assert "stopped in the step “dbt: staging, core”" in done.stderr
    assert done.stderr.count("public_holidays_cover_the_plan") == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "what was published last stays" in done.stderr
    assert place.current == before
    (named,) = [line for line in done.stderr.splitlines() if line.startswith("The whole log")]
    assert Path(named.partition(": ")[2]).stat().st_size > 1000
    (kept,) = place.rows(
        "SELECT check_name FROM quality.data_quality_results WHERE NOT is_success "
        "AND observed LIKE 'Got%'"
    )
    assert kept == ("public_holidays_cover_the_plan",)
    with open_instance(place.settings) as instance:
        assert instance.get_runs(limit=1)[0].status == dg.DagsterRunStatus.FAILURE


def test_a_past_origin_is_backfilled_and_published_with_the_newest(place: Refreshed):
    origin = NEWEST_ORIGIN - timedelta(days=42)
    newest = place.rows("SELECT * FROM forecasting.forecasts ORDER BY ALL")
    done = place.command("refresh", "--origin", str(origin))
    assert done.returncode == 0, done.stderr
    path = place.settings.published_path / place.current
    with duckdb.connect(str(path), read_only=True) as published:
        origins = published.execute("SELECT DISTINCT forecast_origin FROM forecasts ORDER BY 1")
        assert origins.fetchall() == [(origin,), (NEWEST_ORIGIN,)]
    (run,) = place.rows("SELECT run_kind, known_by FROM forecasting.forecast_runs "
        f"WHERE forecast_origin = '{origin}'")  # fmt: skip
    assert run == ("backfill", origin + timedelta(days=3))
    assert newest == place.rows(
        f"SELECT * FROM forecasting.forecasts WHERE forecast_origin <> '{origin}' ORDER BY ALL"
    )
    with open_instance(place.settings) as instance:
        names = [run.job_name for run in instance.get_runs(limit=2)]
        key = dg.AssetKey(["forecasting", "backfilled_forecasts"])
        assert instance.get_materialized_partitions(key) == {str(origin)}
    assert names == ["publish_forecasts", "backfill_forecasts"]


def test_a_second_refresh_changes_nothing_and_says_so(place: Refreshed):
    before = (place.current, place.rows("SELECT * FROM forecasting.forecast_runs"))
    done = place.command("refresh")
    assert done.returncode == 0, done.stderr
    assert "Nothing changed" in done.stdout
    assert (place.current, place.rows("SELECT * FROM forecasting.forecast_runs")) == before
    assert not place.rows("SELECT * FROM forecasting.forecast_history")
    for said in ("synthetic", "origin 2015-06-19", "40 stores", "RMSPE", "rossmann dashboard"):
        assert said in done.stdout
    with open_instance(place.settings) as instance:
        run = instance.get_runs(limit=1)[0]
    assert (run.job_name, run.status) == ("weekly_refresh", dg.DagsterRunStatus.SUCCESS)
    assert run.tags[".dagster/repository"] == "__repository__@rossmann"


def test_an_origin_that_cannot_be_backfilled_is_refused_with_those_that_can(place: Refreshed):
    done = place.command("refresh", "--origin", "2015-05-09")
    assert done.returncode == NoDataError.exit_code
    assert "2015-05-08" in done.stderr
    assert "Traceback" not in done.stderr
