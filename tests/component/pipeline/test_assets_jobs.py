"""Jobs, schedules and sensors: which steps run together, and when."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from support.code_location import place_settings

from assets.resources import Pipeline
from assets.schedules import every_monday, every_morning, retraining_mondays
from assets.sensors import SECONDS_UNTIL_SETTLED, incoming_files
from rossmann_ml.pipeline.backfill import BACKFILL_ORIGIN
from rossmann_ml.pipeline.steps import (
    ALERT_RULES,
    PUBLISHING,
    TRAINING,
    WEEKLY_JOB,
    WEEKLY_JOB_WITH_TRAINING,
    Step,
)
from rossmann_ml.serving.status import write_alerts

BERLIN = ZoneInfo("Europe/Berlin")


def names(steps: Sequence[Step[object]]) -> set[str]:
    return {step.name for step in steps}


def dagsters_steps(location: dg.Definitions, job: str) -> set[str]:
    # alert_checks only shows alerts on their assets
    return set(location.resolve_job_def(job).graph.node_dict) - {"alert_checks"}


@pytest.mark.parametrize(
    ("job", "steps"),
    [
        ("weekly_refresh", WEEKLY_JOB),
        ("weekly_refresh_with_training", WEEKLY_JOB_WITH_TRAINING),
        ("train_model", TRAINING),
        ("publish_forecasts", PUBLISHING),
        ("backfill_forecasts", [BACKFILL_ORIGIN]),
        ("watch", [ALERT_RULES]),
    ],
)
def test_a_job_in_dagster_is_the_list_of_steps_in_the_library(
    location: dg.Definitions, job: str, steps: Sequence[Step[object]]
):
    assert dagsters_steps(location, job) == names(steps)


def test_the_list_of_steps_is_in_an_order_that_dagster_allows(location: dg.Definitions):
    graph = location.resolve_job_def("weekly_refresh_with_training").graph
    order = [step.name for step in WEEKLY_JOB_WITH_TRAINING]
    waits_for = {
        node: {
            output.node.name
            for output in graph.dependency_structure.all_upstream_outputs_from_node(node)
        }
        - {"alert_checks"}
        for node in order
    }
    late = {
        (node, before)
        for node, needed in waits_for.items()
        for before in needed
        if order.index(before) >= order.index(node)
    }
    assert any(waits_for.values())
    assert not late


def test_publishing_builds_the_marts_whole(location: dg.Definitions):
    def built(job: str) -> set[dg.AssetKey]:
        keys = location.resolve_job_def(job).asset_layer.executable_asset_keys
        return {key for key in keys if key.path[0] == "marts" or "forecast" in key.path[-1]}

    published = built("publish_forecasts")
    assert dg.AssetKey(["staging", "stg_forecasts"]) in published
    weekly = {key for key in built("weekly_refresh") if key.path[0] in ("marts", "staging")}
    assert published == weekly


@pytest.mark.parametrize(
    "job",
    [
        *("weekly_refresh", "weekly_refresh_with_training", "train_model"),
        *("publish_forecasts", "backfill_forecasts", "watch"),
    ],
)
def test_every_job_runs_in_one_process_and_records_failures_if_it_publishes(
    location: dg.Definitions, job: str
):
    definition = location.resolve_job_def(job)
    assert definition.executor_def.name == "in_process"
    published = dg.AssetKey(["published", "generation"])
    publishes = published in definition.asset_layer.executable_asset_keys
    hooks = {hook.name for hook in definition.hook_defs}
    assert hooks == ({"record_failed_run"} if publishes else set())


def test_champion_and_forecasts_come_in_that_order(location: dg.Definitions):
    graph = location.resolve_asset_graph()
    forecasts = dg.AssetKey(["forecasting", "forecasts"])
    assert dg.AssetKey(["forecasting", "promotions"]) in graph.get(forecasts).parent_keys


MONDAYS = [datetime(2015, 8, 3, 5, tzinfo=BERLIN) + timedelta(weeks=week) for week in range(8)]


def asked_at(
    schedule: dg.ScheduleDefinition, moment: datetime, pipeline: Pipeline
) -> dg.RunRequest | None:
    with dg.build_schedule_context(
        scheduled_execution_time=moment, resources={"pipeline": pipeline}
    ) as context:
        found = schedule(context)
    return found if isinstance(found, dg.RunRequest) else None


@pytest.fixture
def published(tmp_path: Path) -> Pipeline:
    """A place with a published generation, so that there is a champion."""
    settings = place_settings(tmp_path, tmp_path)
    settings.published_path.mkdir(parents=True)
    (settings.published_path / "0123456789ab.duckdb").touch()
    (settings.published_path / "CURRENT").write_text("0123456789ab.duckdb\n", encoding="utf-8")
    return Pipeline.of(settings)


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("every_monday", "weekly_refresh"),
        ("retraining_mondays", "weekly_refresh_with_training"),
    ],
)
def test_the_schedules_are_mondays_at_five_in_germany(
    location: dg.Definitions, name: str, job: str
):
    schedule = location.resolve_schedule_def(name)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * 1", "Europe/Berlin")
    assert schedule.job_name == job
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_every_monday_has_one_run_and_every_fourth_one_retrains_in_full(published: Pipeline):
    weekly = [asked_at(every_monday, moment, published) for moment in MONDAYS]
    retraining = [asked_at(retraining_mondays, moment, published) for moment in MONDAYS]
    assert [one is None for one in weekly] == [other is not None for other in retraining]
    fourth = [number for number, each in enumerate(retraining) if each is not None]
    assert len(fourth) == 2
    assert fourth[1] - fourth[0] == 4
    training = retraining[fourth[0]].run_config["resources"]["training"]
    assert training == {"config": {"profile": "full"}}


def test_alerts_that_ask_for_a_training_get_one_on_the_next_monday_with_the_reason(
    published: Pipeline,
):
    weekly = next(each for each in MONDAYS if asked_at(every_monday, each, published))
    reason = "drift (features); the newest training has not seen the last 3 weeks of sales"
    write_alerts(published.settings, alerts=[], retraining_advice=reason)
    assert asked_at(every_monday, weekly, published) is None
    request = asked_at(retraining_mondays, weekly, published)
    assert request is not None
    assert request.tags["retraining_reason"] == reason
    assert request.run_config["resources"]["training"] == {"config": {"profile": "full"}}
    write_alerts(published.settings, alerts=[], retraining_advice=None)
    assert asked_at(every_monday, weekly, published) is not None
    assert asked_at(retraining_mondays, weekly, published) is None


def test_a_scheduled_training_has_the_schedule_as_its_reason(published: Pipeline):
    asked = [asked_at(retraining_mondays, each, published) for each in MONDAYS]
    reasons = {each.tags["retraining_reason"] for each in asked if each is not None}
    assert reasons == {"every 4 weeks"}


def test_every_morning_somebody_looks_once_there_is_something_to_look_at(
    published: Pipeline, tmp_path: Path
):
    first, again = (asked_at(every_morning, MONDAYS[0], published) for _ in range(2))
    assert first.run_key == again.run_key == "watch-2015-08-03"
    nothing_yet = Pipeline.of(place_settings(tmp_path / "empty", tmp_path))
    assert asked_at(every_morning, MONDAYS[0], nothing_yet) is None


def test_the_first_run_of_all_trains(tmp_path: Path):
    nothing_yet = Pipeline.of(place_settings(tmp_path, tmp_path))
    for moment in MONDAYS:
        assert asked_at(every_monday, moment, nothing_yet) is None
        assert asked_at(retraining_mondays, moment, nothing_yet) is not None


def test_a_second_tick_of_the_same_week_asks_for_the_same_run(published: Pipeline):
    first, again, later = (
        asked_at(every_monday, moment, published) or asked_at(retraining_mondays, moment, published)
        for moment in (MONDAYS[0], MONDAYS[0], MONDAYS[1])
    )
    assert first.run_key == again.run_key == "weekly-2015-W32"
    assert later.run_key != first.run_key


def test_the_week_of_new_year_has_one_name(published: Pipeline):
    moment = datetime(2018, 12, 31, 5, tzinfo=BERLIN)
    asked = asked_at(every_monday, moment, published) or asked_at(
        retraining_mondays, moment, published
    )
    assert asked.run_key == "weekly-2019-W01"


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def tick(
    incoming: Path, cursor: str | None = None, *, is_there: bool = True
) -> dg.SensorResult | dg.SkipReason:
    pipeline = Pipeline.of(place_settings(incoming.parent, incoming.parent / "raw"))
    if not is_there:
        incoming.rmdir()
    context = dg.build_sensor_context(cursor=cursor, resources={"pipeline": pipeline})
    found = incoming_files(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def drop(folder: Path, name: str, *, age: float = SECONDS_UNTIL_SETTLED + 10, text: str = "x"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)


def test_an_empty_folder_asks_for_nothing(incoming: Path):
    assert isinstance(tick(incoming), dg.SkipReason)


def test_a_folder_that_is_not_there_asks_for_nothing(incoming: Path):
    assert isinstance(tick(incoming, is_there=False), dg.SkipReason)


def test_files_that_came_together_are_one_run(incoming: Path):
    drop(incoming, "sales_2015-08-07.csv")
    drop(incoming, "plan_2015-08-07.csv")
    found = tick(incoming)
    assert isinstance(found, dg.SensorResult)
    (request,) = found.run_requests or []
    assert request.tags["files"] == "plan_2015-08-07.csv, sales_2015-08-07.csv"
    assert isinstance(tick(incoming, found.cursor), dg.SkipReason)


def test_the_first_run_trains_and_later_ones_keep_the_champion(incoming: Path):
    drop(incoming, "sales_2015-08-07.csv")
    first = tick(incoming)
    published = incoming.parent / "warehouse" / "published"
    published.mkdir(parents=True)
    (published / "CURRENT").write_text("0123456789ab.duckdb\n", encoding="utf-8")
    later = tick(incoming)
    assert isinstance(first, dg.SensorResult)
    assert isinstance(later, dg.SensorResult)
    assert first.run_requests[0].job_name == "weekly_refresh_with_training"
    assert later.run_requests[0].job_name == "weekly_refresh"


def test_a_file_that_is_still_being_written_is_waited_for(incoming: Path):
    drop(incoming, "sales_2015-08-07.csv")
    drop(incoming, "plan_2015-08-07.csv", age=1)
    assert isinstance(tick(incoming), dg.SkipReason)
    drop(incoming, "plan_2015-08-07.csv")
    assert isinstance(tick(incoming), dg.SensorResult)


def test_a_corrected_file_asks_for_another_run(incoming: Path):
    drop(incoming, "sales_2015-08-07.csv", age=500)
    first = tick(incoming)
    assert isinstance(first, dg.SensorResult)
    drop(incoming, "sales_2015-08-07.csv", text="corrected")
    second = tick(incoming, first.cursor)
    assert isinstance(second, dg.SensorResult)
    assert second.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_file_that_is_put_back_as_it_once_was_asks_for_another_run(incoming: Path):
    path = incoming / "sales_2015-08-07.csv"
    written = time.time() - 500
    keys, cursor = [], None
    for text in ("right", "wrong!", "right"):
        path.write_text(text, encoding="utf-8")
        os.utime(path, (written + len(text),) * 2)
        found = tick(incoming, cursor)
        assert isinstance(found, dg.SensorResult)
        keys.append(found.run_requests[0].run_key)
        cursor = found.cursor
    assert len(set(keys)) == 3


def test_a_file_from_a_machine_whose_clock_is_ahead_holds_nothing_up(incoming: Path):
    drop(incoming, "sales_2015-08-07.csv", age=-3600)
    assert isinstance(tick(incoming), dg.SensorResult)


def test_the_same_files_give_the_same_run_key_although_the_cursor_was_lost(incoming: Path):
    drop(incoming, "sales_2015-08-07.csv")
    first, again = tick(incoming), tick(incoming)
    assert isinstance(first, dg.SensorResult)
    assert isinstance(again, dg.SensorResult)
    assert first.run_requests[0].run_key == again.run_requests[0].run_key


def test_other_files_are_left_alone(incoming: Path):
    drop(incoming, "notes.csv")
    drop(incoming, "sales_2015-08-07.csv.part")
    drop(incoming, "readme.txt")
    assert isinstance(tick(incoming), dg.SkipReason)


def test_a_file_that_was_taken_away_asks_for_nothing(incoming: Path):
    drop(incoming, "sales_2015-08-07.csv")
    drop(incoming, "sales_2015-08-14.csv")
    found = tick(incoming)
    assert isinstance(found, dg.SensorResult)
    (incoming / "sales_2015-08-07.csv").unlink()
    assert isinstance(tick(incoming, found.cursor), dg.SkipReason)
