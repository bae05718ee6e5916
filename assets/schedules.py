"""Define the schedules: the weekly job on Mondays, with or without training, and daily alerts."""

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
    description="Mondays at five, when the files of the week before have arrived, with the current "
    "champion. Skipped in weeks in which retraining_mondays runs.",
)
def every_monday(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest | dg.SkipReason:
    """Request the weekly job without training, unless a training is due this week.

    If a training is due, :func:`retraining_mondays` requests the weekly job instead.
    """
    day = context.scheduled_execution_time.date()
    reason = _reason_to_retrain(pipeline, day)
    if reason:
        return dg.SkipReason(f"this week's run retrains ({reason}): see retraining_mondays")
    return _request(day)


@dg.schedule(
    cron_schedule=_MONDAYS_AT_FIVE,
    execution_timezone=_TIME_ZONE,
    job=WEEKLY_REFRESH_WITH_TRAINING,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays at five with a new challenger of the full profile for the gate: every "
    "training.retrain_every_weeks weeks (params.yaml), when alerts advise it "
    "(monitoring.retraining), and in the first week. The run's tag retraining_reason has the "
    "reason.",
)
def retraining_mondays(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest | dg.SkipReason:
    """Request the weekly job with training, if a training is due this week.

    If no training is due, :func:`every_monday` requests the weekly job instead.
    """
    day = context.scheduled_execution_time.date()
    reason = _reason_to_retrain(pipeline, day)
    if not reason:
        return dg.SkipReason("no retraining this week: see every_monday")
    context.log.info(f"retraining: {reason}")
    return _request(day, reason)


@dg.schedule(
    cron_schedule="0 7 * * *",
    execution_timezone=_TIME_ZONE,
    job=WATCH,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every morning at seven: the alert rules, which also find a missing weekly run.",
)
def every_morning(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest | dg.SkipReason:
    """Request a run that only evaluates the alert rules; skip it before the first publication."""
    if pointed_path(pipeline.settings.published_path) is None:
        return dg.SkipReason("nothing is published yet")
    return dg.RunRequest(run_key=f"watch-{context.scheduled_execution_time.date()}")


def _reason_to_retrain(pipeline: Pipeline, day: date) -> str | None:
    """Return the reason to train in this week's run; None if no training is due.

    See :func:`~rossmann_ml.monitoring.training_weeks.reason_to_train` for when a training is due.
    The schedule of the weekly job runs if this is None, the schedule of the job with training
    otherwise.

    Args:
        pipeline: Resource with settings and parameters.
        day: The scheduled Monday.
    """
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
