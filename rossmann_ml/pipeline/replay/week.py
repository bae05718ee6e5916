"""Run the weekly job of one simulated Monday as a process, as in production.

A separate process costs a few seconds of imports per week. It allows measuring peak memory, and it
inherits no settings of the live product, such as its warehouse or the receivers of alerts.
"""

from __future__ import annotations

import os
import subprocess
from datetime import date

from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.process import heed_interrupts
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.replay.place import ReplayPlace
from rossmann_ml.pipeline.weekly_job import RefreshRecord, weekly_job_command

# The job of a killed replay may still run; the resumed replay waits for its lock.
_WAIT_SECONDS = 3600
_PREFIX = "ROSSMANN_"
_DROPPED = {"MLFLOW_TRACKING_URI", "DAGSTER_HOME"}
_PASSED_ON = (
    *("home", "raw_dir", "incoming_dir", "warehouse_dir", "state_dir", "params_file", "as_of"),
    *("threads", "memory_limit_gb"),
)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return environment variables for a process that uses these settings and no live ones.

    Variables of the live product (``ROSSMANN_*``, MLflow, Dagster) are left out; all others of this
    process are kept.
    """
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_PREFIX) and name not in _DROPPED
    }
    own = {f"{_PREFIX}{name.upper()}": str(getattr(settings, name)) for name in _PASSED_ON}
    return {**others, **own, f"{_PREFIX}LOCK_TIMEOUT_SECONDS": str(_WAIT_SECONDS)}


def run_week(
    place: ReplayPlace, live: Settings, monday: date, *, retrain: Profile | None
) -> RefreshRecord:
    """Run the weekly job of a Monday; its output goes to ``logs/<Monday>.log``.

    Args:
        place: Folder of the replay, with the Monday's files in it.
        live: Settings of the live product, from which threads, memory and parameters are taken.
        monday: Business date of the job.
        retrain: Training profile of the challenger; None for a week without training.

    Returns:
        Record that the job wrote. If the job ended without one, the record has only the exit code
        (negative if a signal killed the job) and a reason with the path of the log.
    """
    record = place.logs_path / f"{monday}.json"
    record.unlink(missing_ok=True)
    place.logs_path.mkdir(parents=True, exist_ok=True)
    arguments = ["--record", str(record), *(("--retrain", retrain) if retrain else ())]
    with (place.logs_path / f"{monday}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our interpreter and our arguments
            weekly_job_command(arguments),
            env=environment_of(place.settings(live, monday=monday)),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        heed_interrupts()
        try:
            exit_code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if not record.exists():
        return RefreshRecord(exit_code, reason=f"the job ended without a record; see {log.name}")
    return RefreshRecord.read(record)
