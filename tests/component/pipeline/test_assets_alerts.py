"""Alerts in Dagster: rows as an asset, rules as checks, failed runs in `status.json`."""

from __future__ import annotations

import dagster as dg
import pytest
from support.small_warehouse import change

from assets.alerts import alert_checks, alerts
from assets.jobs import record_failed_run
from assets.publishing import PUBLISHED, published_generation
from assets.resources import Pipeline, Writer
from assets.sensors import runs_that_died
from rossmann_ml.base.errors import BusyError, RefusedError
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.status import read_status

PICKED_IN_THE_UI = "__ASSET_JOB"  # Dagster's own job for assets that a person picks


@pytest.fixture
def settings(published_generation: tuple[Settings, PublishedGeneration]) -> Settings:
    return published_generation[0].model_copy(update={"params_file": PROJECT_DIR / "params.yaml"})


def _stand_in(*key: str) -> dg.AssetsDefinition:
    @dg.asset(key=list(key))
    def nothing() -> None: ...

    return nothing


CONCERNED = [
    _stand_in("marts", "forecast_accuracy"),
    _stand_in("monitoring", "drift_metrics"),
    _stand_in("raw", "sales"),
    _stand_in("forecasting", "forecasts"),
    _stand_in("forecasting", "stores_not_forecast"),
]


def run(settings: Settings, *assets: object) -> dg.ExecuteInProcessResult:
    pipeline = Pipeline.of(settings)
    definitions = dg.Definitions(
        assets=[each for each in assets if each is not alert_checks],
        asset_checks=[each for each in assets if each is alert_checks],
        jobs=[dg.define_asset_job("all_of_it", hooks={record_failed_run})],
        resources={"pipeline": pipeline, "writer": Writer(pipeline=pipeline)},
        executor=dg.in_process_executor,
    )
    job = definitions.resolve_job_def("all_of_it")
    return job.execute_in_process(raise_on_error=False)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def test_every_rule_is_a_check_that_fails_while_it_has_an_open_alert(settings: Settings):
    change(settings, "DELETE FROM raw.plan", marts_follow=False)
    result = run(settings, alerts, alert_checks, *CONCERNED)
    assert result.success
    checks = checks_of(result)
    assert len(checks) == 8
    assert not checks["stale_data_alerts"].passed
    assert checks["stale_data_alerts"].severity == dg.AssetCheckSeverity.WARN
    assert "no plan was ever landed" in (checks["stale_data_alerts"].description or "")
    assert checks["stale_data_alerts"].asset_key == dg.AssetKey(["raw", "sales"])
    assert checks["stale_data_alerts"].metadata["plan"].value.endswith("/quality")
    assert checks["accuracy_alerts"].passed


def test_a_critical_alert_is_an_error_and_still_stops_nothing(settings: Settings):
    change(settings, "UPDATE quality.data_quality_results SET is_success = false")
    result = run(settings, alerts, alert_checks)
    assert result.success
    check = checks_of(result)["failed_checks_alerts"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_the_asset_reports_how_many_alerts_are_open(settings: Settings):
    change(settings, "DELETE FROM monitoring.drift_metrics")
    result = run(settings, alerts)
    (event,) = result.asset_materializations_for_node("monitoring__alerts")
    assert event.metadata["summary"].value.startswith("4 open (4 warning), 4 new")
    assert event.metadata["not_judged"].value == "input_data, drift"


def test_a_held_generation_fails_its_check_and_the_run_and_is_an_alert(settings: Settings):
    change(
        settings,
        "UPDATE forecasting.forecasts SET sales_forecast = sales_forecast * 2, upper_80 = "
        "upper_80 * 2, upper_95 = upper_95 * 2 WHERE forecast_origin = DATE '2015-07-31';"
        "UPDATE forecasting.forecast_runs SET input_hash = 'other' "
        "WHERE forecast_origin = DATE '2015-07-31'",
    )
    result = run(settings, alerts, published_generation)
    assert not result.success
    assert not checks_of(result)["continuity"].passed
    status = read_status(settings.published_path)
    assert status.held_publish is not None
    assert status.last_failed_run is not None
    critical = status.alerts[0]
    assert (critical.rule, critical.subject) == ("failed_run", "published__generation")
    assert "Stores that moved most" in critical.message


def test_an_ordinary_generation_passes_its_check_with_the_largest_move(settings: Settings):
    change(settings, "UPDATE forecasting.forecast_runs SET input_hash = 'other'")
    result = run(settings, alerts, published_generation)
    assert result.success
    check = checks_of(result)["continuity"]
    assert check.passed
    assert (check.description or "").startswith("at most: chain, week of")


def test_a_run_that_publishes_ends_the_alert_of_the_failure_before_it_is_sent_again(
    settings: Settings,
):
    assert not run(settings, broken).success
    assert read_status(settings.published_path).alerts[0].rule == "failed_run"
    assert run(settings, alerts).success
    assert read_status(settings.published_path).alerts[0].rule == "failed_run"
    change(settings, "UPDATE forecasting.forecast_runs SET input_hash = 'other'")
    assert run(settings, alerts, published_generation).success
    status = read_status(settings.published_path)
    assert "failed_run" not in {each.rule for each in status.alerts}
    assert status.last_failed_run is not None
    assert status.last_failed_run.is_resolved


class Refusing(dg.ConfigurableResource):
    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        raise BusyError("another writer is at work")


@dg.asset
def unreached(refusing: Refusing) -> None:
    """Never start, because the resource fails."""


@dg.asset(key=PUBLISHED)
def broken_publication() -> None:
    raise RefusedError("two rows are wrong")


def look_at_failure(settings: Settings, asset: dg.AssetsDefinition, job_name: str) -> object:
    """Run a failing asset, by a job or as picked in the UI, and ask the sensor about the run."""
    pipeline = Pipeline.of(settings)
    definitions = dg.Definitions(
        assets=[asset],
        jobs=[dg.define_asset_job("weekly_refresh")],
        resources={"refusing": Refusing(), "writer": Writer(pipeline=pipeline)},
        executor=dg.in_process_executor,
    )
    job = definitions.resolve_job_def(job_name)
    picked = None if job_name == "weekly_refresh" else [asset.key]
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, asset_selection=picked
        )
        context = dg.build_run_status_sensor_context(
            "runs_that_died",
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"pipeline": pipeline},
        ).for_run_failure()
        return runs_that_died(context)


def test_a_run_that_died_without_a_failed_step_is_recorded_and_raises_an_alert(settings: Settings):
    assert look_at_failure(settings, unreached, "weekly_refresh") is None
    status = read_status(settings.published_path)
    assert status.last_failed_run is not None
    assert "another writer is at work" in status.last_failed_run.reason
    assert "failed_run" in {each.rule for each in status.alerts}


def test_a_failed_step_is_recorded_once_and_a_run_that_publishes_nothing_never(settings: Settings):
    for asset, job in ((broken, "weekly_refresh"), (broken, PICKED_IN_THE_UI)):
        assert isinstance(look_at_failure(settings, asset, job), dg.SkipReason)
    assert read_status(settings.published_path).last_failed_run is None


def test_a_publication_picked_in_the_ui_that_fails_is_recorded_too(settings: Settings):
    assert look_at_failure(settings, broken_publication, PICKED_IN_THE_UI) is None
    failed = read_status(settings.published_path).last_failed_run
    assert failed is not None
    assert "two rows are wrong" in failed.reason
    assert failed.step == "published__generation"


@dg.asset
def broken(writer: Writer) -> None:
    raise RefusedError("two rows are wrong")


def test_a_run_that_fails_before_the_rules_are_asked_is_an_alert(settings: Settings):
    assert not run(settings, broken).success
    (alert, *_) = read_status(settings.published_path).alerts
    assert (alert.rule, alert.subject) == ("failed_run", "broken")
    assert "two rows are wrong" in alert.message


def test_a_failure_reaches_readers_although_its_alert_cannot_be_recorded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ROSSMANN_ALERT_SMTP_PORT", "no number")
    assert not run(settings, broken).success
    status = read_status(settings.published_path)
    assert status.last_failed_run is not None
    assert status.last_failed_run.reason == "two rows are wrong"
    assert status.alerts == ()
