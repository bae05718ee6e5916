"""Define the jobs. A job is a set of assets that run one after another in one process.

With one process per step, each step would take seconds longer to start, and would have to acquire
the writer's lock again.
"""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import duckdb

from assets.alerts import alert_checks, alerts
from assets.forecasts import backfilled_forecasts
from assets.resources import Pipeline
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.monitoring.alerts.watch import watch
from rossmann_ml.serving.status import FailedRun, write_status
from rossmann_ml.warehouse.session import Session

_MODEL = dg.AssetSelection.groups("model") | dg.AssetSelection.assets(
    ["features", "training_panel"]
)
_BACKFILL = dg.AssetSelection.assets(backfilled_forecasts)


@dg.failure_hook(required_resource_keys={"pipeline"})
def record_failed_run(context: dg.HookContext) -> None:
    """Record a failed run in ``status.json`` for readers, and raise an alert about it.

    All alert rules are evaluated here too, because the step that evaluates them is skipped after a
    failure.
    """
    reason = words_of(cause_of(context))
    failed = FailedRun(run_id=context.run_id, reason=reason, step=context.step_key)
    note_failure(context.resources.pipeline, failed, context.log.warning)


def cause_of(context: dg.HookContext) -> BaseException:
    """Return the error that explains best why a step failed.

    This is the first ``RossmannError`` in the step's exception and the chain of its causes, because
    its message is written for users. If the chain has none, it is the last cause.
    """
    error = context.op_exception or RuntimeError("the step failed without an error")
    while error.__cause__ and not isinstance(error, RossmannError):
        error = error.__cause__
    return error


def words_of(error: BaseException) -> str:
    """Return an error's message for users.

    The message of a ``RossmannError`` is complete; any other message gets the class name in front.
    """
    return str(error) if isinstance(error, RossmannError) else f"{type(error).__name__}: {error}"


def note_failure(pipeline: Pipeline, failed: FailedRun, warn: Callable[[str], None]) -> None:
    """Record in ``status.json`` that a run of a publishing job failed, and raise an alert about it.

    Args:
        pipeline: Resource with settings and parameters.
        failed: Run, failed step and error message.
        warn: Function that logs a message; it is called if the alert cannot be recorded.
    """
    write_status(pipeline.settings, last_failed_run=failed)
    try:
        watch(Session(pipeline.settings, pipeline.params), run_id=failed.run_id, failure=failed)
    except (RossmannError, duckdb.Error) as untold:
        warn(f"the alert of the failed run could not be recorded: {untold}")


def _job(
    name: str,
    selection: dg.AssetSelection,
    description: str,
    *,
    publishes: bool = False,
) -> dg.UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        executor_def=dg.in_process_executor,
        # the failure of another job concerns no reader, and no publication would end its alert
        hooks={record_failed_run} if publishes else set(),
        tags={"team": "forecasting"},
    )


WEEKLY_REFRESH = _job(
    "weekly_refresh",
    dg.AssetSelection.all() - _MODEL - _BACKFILL,
    "The weekly job: from files to a published generation, with forecasts by the champion.",
    publishes=True,
)

WEEKLY_REFRESH_WITH_TRAINING = _job(
    "weekly_refresh_with_training",
    dg.AssetSelection.all() - _BACKFILL,
    "The weekly job with a new challenger before the forecasts; also the first run, which has no "
    "champion. The resource `training` sets the training profile: fast or full.",
    publishes=True,
)

TRAIN_MODEL = _job(
    "train_model",
    _MODEL,
    "A new challenger on the current data, and the gate. Forecasts do not change.",
)

PUBLISH_FORECASTS = _job(
    "publish_forecasts",
    dg.AssetSelection.groups("publish")
    # the marts, and the staging views of the forecasts that they read
    | dg.AssetSelection.tag("step", "marts")
    | dg.AssetSelection.assets(alerts)
    | dg.AssetSelection.checks(alert_checks),
    "Marts and a new generation from the stored forecasts, for example after a backfill.",
    publishes=True,
)

BACKFILL_FORECASTS = _job(
    "backfill_forecasts",
    _BACKFILL,
    "Forecasts of past origins, one run per origin. Run publish_forecasts afterwards.",
)

WATCH = _job(
    "watch",
    dg.AssetSelection.assets(alerts) | dg.AssetSelection.checks(*alert_checks.check_keys),
    "The alert rules alone, which also find a weekly run that was due and did not start.",
)

JOBS = [
    WEEKLY_REFRESH,
    WEEKLY_REFRESH_WITH_TRAINING,
    TRAIN_MODEL,
    PUBLISH_FORECASTS,
    BACKFILL_FORECASTS,
    WATCH,
]
PUBLISHING_JOBS = [job for job in JOBS if job.hooks]
