"""Schedules: when jobs run by the clock."""

from __future__ import annotations

from datetime import date

import dagster as dg

from assets.jobs import WATCH, WEEKLY_REFRESH, WEEKLY_REFRESH_WITH_TRAINING
from assets.resources import Pipeline
from rossmann_ml.monitoring.training_weeks import reason_to_train
from rossmann_ml.serving.generations import pointed_path

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
    reason = _reason_to_retrain(pipeline, day)
    if reason:
        return dg.SkipReason(f"this week's run retrains ({reason}): retraining_mondays asks for it")
    return _request(day)


@dg.schedule(
    cron_schedule=_MONDAYS_AT_FIVE,
    execution_timezone=_TIME_ZONE,
    job=WEEKLY_REFRESH_WITH_TRAINING,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays at five in every week that params.yaml has retrain "
    "(training.retrain_every_weeks), when alerts ask for it (monitoring.retraining), and in the "
    "first of all: with a new challenger of the full profile, which the gate judges. The run's "
    "tag retraining_reason says why.",
)
def retraining_mondays(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest | dg.SkipReason:
    """Ask for the weekly run with a training in it, in weeks that have one."""
    day = context.scheduled_execution_time.date()
    reason = _reason_to_retrain(pipeline, day)
    if not reason:
        return dg.SkipReason("no retraining this week: every_monday asks for the run")
    context.log.info(f"retraining: {reason}")
    return _request(day, reason)


@dg.schedule(
    cron_schedule="0 7 * * *",
    execution_timezone=_TIME_ZONE,
    job=WATCH,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every morning at seven: the alert rules, so that a weekly run that did not come "
    "is noticed.",
)
def every_morning(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one look a day, once there is something to look at."""
    if pointed_path(pipeline.settings.published_path) is None:
        return dg.SkipReason("nothing is published yet")
    return dg.RunRequest(run_key=f"watch-{context.scheduled_execution_time.date()}")


def _reason_to_retrain(pipeline: Pipeline, day: date) -> str | None:
    """Why this week's run trains; both schedules of the week must come to the same."""
    return reason_to_train(
        pipeline.settings.published_path,
        day,
        every_weeks=pipeline.params.training.retrain_every_weeks,
    )


def _request(day: date, retraining_reason: str | None = None) -> dg.RunRequest:
    week = f"{day:%G-W%V}"
    tags, run_config = {"week": week}, {}
    if retraining_reason is not None:
        tags["retraining_reason"] = retraining_reason
        run_config = {"resources": {"training": {"config": {"profile": "full"}}}}
    return dg.RunRequest(run_key=f"weekly-{week}", tags=tags, run_config=run_config)


SCHEDULES = [every_monday, retraining_mondays, every_morning]
