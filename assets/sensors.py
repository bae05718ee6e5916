"""Define the sensors: one runs the weekly job when files arrive, one records failed runs."""

from __future__ import annotations

import hashlib
import json
import time

import dagster as dg

from assets.jobs import (
    PUBLISHING_JOBS,
    WEEKLY_REFRESH,
    WEEKLY_REFRESH_WITH_TRAINING,
    note_failure,
)
from assets.publishing import PUBLISHED
from assets.resources import Pipeline
from rossmann_ml.ingest.discovery import find_files
from rossmann_ml.serving.generations import pointed_path
from rossmann_ml.serving.status import FailedRun

SECONDS_UNTIL_SETTLED = 30


@dg.sensor(
    jobs=[WEEKLY_REFRESH, WEEKLY_REFRESH_WITH_TRAINING],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New or changed files in data/incoming start one refresh for all of them.",
)
def incoming_files(
    context: dg.SensorEvaluationContext, pipeline: Pipeline
) -> dg.SensorResult | dg.SkipReason:
    """Request the weekly job if files in the incoming folder are new or have changed.

    Only bulk files and weekly drops count. A file has changed if its time of change or its size
    differs from that at the last request. If the newest file was changed less than 30 seconds ago,
    no run is requested, because the file may still be incomplete; a later evaluation requests it.
    Before the first publication the requested job also trains, because there may be no champion.
    """
    files = {}
    for raw_file in find_files(pipeline.settings.incoming_path)[0]:
        stat = raw_file.path.stat()
        files[raw_file.path.name] = [stat.st_mtime_ns, stat.st_size]
    newest = max((written for written, _ in files.values()), default=0) / 1e9
    # a time in the future comes from another machine's clock, not from writing
    if 0 <= time.time() - newest < SECONDS_UNTIL_SETTLED:
        return dg.SkipReason("a file is still being written")
    before = json.loads(context.cursor or "{}")
    new = sorted(name for name, state in files.items() if before.get(name) != state)
    if not new:
        return dg.SkipReason("no new file")
    cursor = json.dumps(files, sort_keys=True)
    # with the state before: a file that returns to an earlier state is a new event
    event = hashlib.sha256(f"{context.cursor} {cursor}".encode()).hexdigest()[:16]
    is_first = pointed_path(pipeline.settings.published_path) is None
    job = WEEKLY_REFRESH_WITH_TRAINING if is_first else WEEKLY_REFRESH
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                job_name=job.name,
                run_key=f"incoming-{event}",
                tags={"files": ", ".join(new)[:200]},
            )
        ],
        cursor=cursor,
    )


@dg.run_failure_sensor(
    name="runs_that_died",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records failed runs that would have published, for readers and alerts: those that "
    "ended without a failed step (no lock, out of memory, too long, a restart), and those of "
    "assets picked in the UI. A failed step of a job is recorded by the run itself.",
)
def runs_that_died(context: dg.RunFailureSensorContext, pipeline: Pipeline) -> dg.SkipReason | None:
    """Record a failed run in ``status.json`` and as an alert, unless its job's hook has done that.

    The hook of a publishing job does it if a step failed, but not if the process died. Assets that
    a person picks in the UI, or backfills there, run in a job that Dagster makes, without a hook.

    Returns:
        Reason to record nothing: the run publishes nothing, or the failed step has recorded it.
        None if the run was recorded.
    """
    run, failures = context.dagster_run, context.get_step_failure_events()
    if run.job_name in {job.name for job in PUBLISHING_JOBS}:
        if failures:
            return dg.SkipReason("the failed step has recorded it")
    elif PUBLISHED not in (run.asset_selection or ()):
        return dg.SkipReason("the run publishes nothing")
    if failures:
        error, step = failures[0].step_failure_data.error, str(failures[0].step_key)
    else:
        error, step = context.failure_event.job_failure_data.error, "run"
    while error and error.cause:
        error = error.cause
    reason = (error and error.message.strip()) or context.failure_event.message
    failed = FailedRun(run_id=run.run_id, reason=reason, step=step)
    note_failure(pipeline, failed, context.log.warning)
    return None


SENSORS = [incoming_files, runs_that_died]
