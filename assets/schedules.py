"""Schedules: when jobs run by the clock."""

from __future__ import annotations

import dagster as dg

from assets.jobs import WEEKLY_REFRESH


@dg.schedule(
    cron_schedule="0 5 * * 1",
    execution_timezone="Europe/Berlin",
    job=WEEKLY_REFRESH,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays at five, when the files of the week before have arrived.",
)
def every_monday(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Ask for one run for each week, however often the tick is evaluated."""
    week = f"{context.scheduled_execution_time:%G-W%V}"
    return dg.RunRequest(run_key=f"weekly-{week}", tags={"week": week})


SCHEDULES = [every_monday]
