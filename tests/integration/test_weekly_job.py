"""The weekly job on the sample: its results, repeated runs, and failures that stop it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from support.chain import small_params
from support.refreshed import Refreshed
from support.weekly_drop import NEWEST_ORIGIN, write_drop

from assets.home import open_instance
from rossmann_ml.base.errors import BusyError, NoDataError
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.pipeline.backfill import possible_origins
from rossmann_ml.publish.summary import summarise
from rossmann_ml.warehouse.connection import connect, writer_lock

pytestmark = pytest.mark.integration

ROSSMANN = Path(sys.executable).with_name("rossmann")


@pytest.fixture
def place(copy_of_refreshed: Callable[[], Refreshed]) -> Refreshed:
    return copy_of_refreshed()


def test_the_first_refresh_publishes_forecasts_of_every_store(refreshed: Refreshed):
    summary = summarise(refreshed.settings)
    assert summary.info.forecast_origin == NEWEST_ORIGIN
    assert (summary.stores, summary.days) == (40, 42)
    assert summary.info.is_synthetic
    assert summary.rmspe < summary.rmspe_seasonal_naive


def test_every_check_of_the_job_was_evaluated_and_passed(refreshed: Refreshed):
    """Dagster would skip the steps downstream of a check that dbt did not report."""
    from assets.definitions import build_definitions

    definitions = build_definitions(settings=refreshed.settings)
    job = definitions.resolve_job_def("weekly_refresh_with_training")
    planned = job.asset_layer.asset_graph.asset_check_keys
    with open_instance(refreshed.settings) as instance:
        (run,) = instance.get_runs()
        records = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    found = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in records]
    assert sorted(each.asset_check_key for each in found) == sorted(planned)
    assert [each.check_name for each in found if not each.passed] == []


def test_materializations_carry_figures_pictures_and_paths(refreshed: Refreshed):
    with open_instance(refreshed.settings) as instance:

        def metadata(*key: str) -> dict[str, dg.MetadataValue]:
            event = instance.get_latest_materialization_event(dg.AssetKey(key))
            assert event is not None
            return dict(event.asset_materialization.metadata)

        assert metadata("core", "fct_daily_sales")["dagster/row_count"].value > 10_000
        assert metadata("raw", "sales")["last_date"].value == str(NEWEST_ORIGIN)
        backtest = metadata("forecasting", "out_of_fold")
        assert 0 < backtest["rmspe"].value < backtest["rmspe_seasonal_naive"].value
        assert "seasonal_naive" in backtest["scores"].value
        assert backtest["picture"].value.startswith("![RMSPE")
        challenger = metadata("forecasting", "model_versions")
        assert "data:image/png;base64," in challenger["importance"].value
        assert challenger["mlflow_run_id"].value
        assert metadata("forecasting", "backtest_scores")["mlflow_run_id"].value
        columns = metadata("features", "scoring_panel")["dagster/column_schema"].value.columns
        assert {"store_id", "target_date", "horizon_days"} < {each.name for each in columns}
        published = metadata("published", "generation")
        assert published["path"].value.endswith(refreshed.current)


def test_dbt_tests_and_expectations_are_kept_under_the_runs_id(refreshed: Refreshed):
    kept = refreshed.rows(
        "SELECT run_id, tool, count(*), bool_and(is_success) FROM quality.data_quality_results "
        "GROUP BY ALL ORDER BY tool"
    )
    assert [row[1] for row in kept] == ["dbt", "great_expectations"]
    assert len({row[0] for row in kept}) == 1
    assert all(row[3] for row in kept)


def test_the_ui_lists_exactly_the_origins_that_can_be_backfilled(refreshed: Refreshed):
    with connect(refreshed.settings, read_only=True) as connection:
        possible = possible_origins(connection, small_params())
    with open_instance(refreshed.settings) as instance:
        listed = instance.get_dynamic_partitions("forecast_origin")
    assert sorted(listed) == sorted(map(str, possible))
    assert str(NEWEST_ORIGIN) not in listed


def test_a_weekly_drop_moves_the_origin_by_a_week_and_keeps_the_champion(place: Refreshed):
    champion = summarise(place.settings).info.model_version
    write_drop(place.settings, days=7)
    with open_instance(place.settings) as instance:
        instance.add_dynamic_partitions("forecast_origin", ["1999-12-31"])
    result, undone = place.run("weekly_refresh")
    assert result.success
    assert undone == []
    summary = summarise(place.settings)
    assert summary.info.forecast_origin == NEWEST_ORIGIN + timedelta(days=7)
    assert summary.info.model_version == champion
    with open_instance(place.settings) as instance:
        possible = instance.get_dynamic_partitions("forecast_origin")
    assert str(NEWEST_ORIGIN) in possible
    assert "1999-12-31" not in possible
    origins = place.rows("SELECT DISTINCT forecast_origin FROM forecasting.forecasts ORDER BY 1")
    assert [origin for (origin,) in origins] == [
        NEWEST_ORIGIN, NEWEST_ORIGIN + timedelta(days=7)
    ]  # fmt: skip
    # every revision of an open day is explained; dbt's tests check that the parts add up
    (revised,) = place.rows(
        "SELECT count(*) FROM marts.forecast_revisions "
        "WHERE sales_forecast > 0 AND previous_forecast > 0"
    )
    (explained,) = place.rows(
        # of calibration, only the mean departures of the days change
        "SELECT count(*), bool_and(is_same_model), max(abs(bias_factor_change_log)) < 0.05, "
        "max(abs(trend_change_log)) > 0 FROM marts.forecast_driver_changes"
    )
    assert explained == (revised[0], True, True, True)
    assert revised[0] > 1000


def test_a_refresh_during_another_write_is_refused_before_it_begins(refreshed: Refreshed):
    with writer_lock(refreshed.settings):
        waits_not = {**os.environ, **refreshed.environment, "ROSSMANN_LOCK_TIMEOUT_SECONDS": "0"}
        done = subprocess.run(
            [str(ROSSMANN), "refresh"], env=waits_not, capture_output=True, text=True, check=False
        )
    assert done.returncode == BusyError.exit_code
    assert str(os.getpid()) in done.stderr
    assert "Job" not in done.stdout


def test_without_files_the_refusal_names_what_is_missing(tmp_path):
    done = subprocess.run(
        [str(ROSSMANN), "refresh"],
        env={
            **os.environ,
            "ROSSMANN_RAW_DIR": str(tmp_path),
            "ROSSMANN_WAREHOUSE_DIR": str(tmp_path / "warehouse"),
            "ROSSMANN_STATE_DIR": str(tmp_path / "state"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == NoDataError.exit_code
    assert "train.csv" in done.stderr
    assert not (tmp_path / "state").exists()


def test_the_workspace_file_loads(refreshed: Refreshed, tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dagster", "definitions", "validate"),
            *("-w", str(PROJECT_DIR / "workspace.yaml")),
        ],
        env={**os.environ, **refreshed.environment, "DAGSTER_HOME": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
