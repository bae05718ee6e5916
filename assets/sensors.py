"""Define the sensors: one runs the weekly job when files arrive, one records runs that died."""

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
    monitored_jobs=PUBLISHING_JOBS,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records runs that ended without a failed step (no lock, out of memory, too long, "
    "a restart) for readers and alerts. A failed step is recorded by the run itself.",
)
def runs_that_died(context: dg.RunFailureSensorContext, pipeline: Pipeline) -> dg.SkipReason | None:
    """Record a run that failed although no step failed, for example because its process died.

    It is recorded in ``status.json`` and as an alert, like a run with a failed step, which the
    job's failure hook records.

    Returns:
        Reason to record nothing, if a step failed; None if the run was recorded.
    """
    if context.get_step_failure_events():
        return dg.SkipReason("the failed step has recorded it")
    error = context.failure_event.job_failure_data.error
    while error and error.cause:
        error = error.cause
    reason = (error and error.message.strip()) or context.failure_event.message
    failed = FailedRun(run_id=context.dagster_run.run_id, reason=reason, step="run")
    note_failure(pipeline, failed, context.log.warning)
    return None


SENSORS = [incoming_files, runs_that_died]
