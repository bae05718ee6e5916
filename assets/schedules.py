"""Schedules: when jobs run by the clock."""

from __future__ import annotations

from datetime import date

import dagster as dg

from assets.jobs import WEEKLY_REFRESH, WEEKLY_REFRESH_WITH_TRAINING
from assets.resources import Pipeline
from rossmann_ml.publish.generations import pointed_path

_MONDAYS_AT_FIVE = "0 5 * * 1"
_TIME_ZONE = "Europe/Berlin"


@dg.schedule(
    cron_schedule=_MONDAYS_AT_FIVE,
    execution_timezone=_TIME_ZONE,
    job=WEEKLY_REFRESH,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays at five, when the files of the week before have arrived; the champion "
    "stays. Not in weeks in which the other schedule retrains.",
)
def every_monday(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run for each week, however often the tick is evaluated."""
    day = context.scheduled_execution_time.date()
    if _retrains(pipeline, day):
        return dg.SkipReason("this week's run retrains: retraining_mondays asks for it")
    return _request(day)


@dg.schedule(
    cron_schedule=_MONDAYS_AT_FIVE,
    execution_timezone=_TIME_ZONE,
    job=WEEKLY_REFRESH_WITH_TRAINING,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays at five in every week that params.yaml has retrain "
    "(training.retrain_every_weeks), and in the first of all: with a new challenger of the full "
    "profile, which the gate judges.",
)
def retraining_mondays(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest | dg.SkipReason:
    """Ask for the weekly run with a training in it, in weeks that have one."""
    day = context.scheduled_execution_time.date()
    if not _retrains(pipeline, day):
        return dg.SkipReason("no retraining this week: every_monday asks for the run")
    return _request(day, {"resources": {"training": {"config": {"profile": "full"}}}})


def _retrains(pipeline: Pipeline, day: date) -> bool:
    if pointed_path(pipeline.settings.published_path) is None:
        return True  # there is no champion yet
    weeks = day.toordinal() // 7
    return weeks % pipeline.params.training.retrain_every_weeks == 0


def _request(day: date, run_config: dict[str, object] | None = None) -> dg.RunRequest:
    week = f"{day:%G-W%V}"
    return dg.RunRequest(run_key=f"weekly-{week}", tags={"week": week}, run_config=run_config or {})


SCHEDULES = [every_monday, retraining_mondays]
