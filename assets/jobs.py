"""Jobs: which assets run together, one after another in one process.

A process for each step would cost seconds a step, and each would want to be the writer.
"""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import duckdb

from assets.alerts import alert_checks, alerts
from assets.forecasts import backfilled_forecasts
from assets.resources import Pipeline
from assets.usage import api_requests
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.monitoring.alerts.watch import watch
from rossmann_ml.serving.status import FailedRun, write_status
from rossmann_ml.warehouse.session import Session

_MODEL = dg.AssetSelection.groups("model") | dg.AssetSelection.assets(
    ["features", "training_panel"]
)
_BACKFILL = dg.AssetSelection.assets(backfilled_forecasts)


@dg.failure_hook(required_resource_keys={"pipeline"})
def tell_readers(context: dg.HookContext) -> None:
    """Note a failed run in ``status.json``, which readers look at although nothing is published.

    And raise the alert of it, with all others that are due, since the step that would does not run.
    """
    error = cause_of(context.op_exception or RuntimeError("a step failed without an error"))
    failed = FailedRun(run_id=context.run_id, reason=words_of(error), step=context.step_key)
    note_failure(context.resources.pipeline, failed, context.log.warning)


def cause_of(error: BaseException) -> BaseException:
    """Return the first refusal among an error and its causes, else the innermost cause."""
    while error.__cause__ and not isinstance(error, RossmannError):
        error = error.__cause__
    return error


def words_of(error: BaseException) -> str:
    """Return the message of a refusal; for a bug also the class of the error."""
    return str(error) if isinstance(error, RossmannError) else f"{type(error).__name__}: {error}"


def note_failure(pipeline: Pipeline, failed: FailedRun, warn: Callable[[str], None]) -> None:
    """Tell readers of a run that published nothing, and raise the alert of it."""
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
        # readers miss nothing when another job fails, and no publication would end its alert
        hooks={tell_readers} if publishes else set(),
        tags={"team": "forecasting"},
    )


WEEKLY_REFRESH = _job(
    "weekly_refresh",
    dg.AssetSelection.all() - _MODEL - _BACKFILL,
    "The weekly job: files to forecasts to a published generation, scored by the champion.",
    publishes=True,
)

WEEKLY_REFRESH_WITH_TRAINING = _job(
    "weekly_refresh_with_training",
    dg.AssetSelection.all() - _BACKFILL,
    "The weekly job with a new challenger before it scores. Also the first run, when there is no "
    "champion. The resource `training` says how much it does: fast or full.",
    publishes=True,
)

TRAIN_MODEL = _job(
    "train_model",
    _MODEL,
    "A new challenger on the data as they stand, and the gate. Forecasts stay as they are.",
)

PUBLISH_FORECASTS = _job(
    "publish_forecasts",
    dg.AssetSelection.groups("publish")
    # the marts, and the views of the forecasts that they are made of
    | dg.AssetSelection.tag("step", "marts")
    | dg.AssetSelection.assets(api_requests, alerts)
    | dg.AssetSelection.checks(alert_checks),
    "Marts and a new generation from the forecasts as they stand; after a backfill, say.",
    publishes=True,
)

BACKFILL_FORECASTS = _job(
    "backfill_forecasts",
    _BACKFILL,
    "Forecasts of past origins, one run for each origin. Then run publish_forecasts.",
)

WATCH = _job(
    "watch",
    dg.AssetSelection.assets(alerts) | dg.AssetSelection.checks(*alert_checks.check_keys),
    "The alert rules alone: what was due and did not run is noticed by nobody else.",
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
