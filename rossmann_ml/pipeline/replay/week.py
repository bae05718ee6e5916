"""The weekly job of one simulated Monday, as a process of its own like in life.

A process a week costs the seconds of its imports, and in return no week sees what another left in
memory, and a week's memory can be measured. The process gets none of the live product's settings:
neither its warehouse nor addresses that alerts go to.
"""

from __future__ import annotations

import os
import subprocess
from datetime import date

from rossmann_ml.base.params import Profile
from rossmann_ml.base.process import heed_interrupts
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.replay.place import ReplayPlace
from rossmann_ml.pipeline.weekly_job import RefreshRecord, weekly_job_command

# A killed replay may leave its week's job at work; the one that goes on waits for it to end.
_WAIT_SECONDS = 3600
_PREFIX = "ROSSMANN_"
_NOT_HANDED_ON = {"MLFLOW_TRACKING_URI", "DAGSTER_HOME"}
_HANDED_ON = (
    *("home", "raw_dir", "incoming_dir", "warehouse_dir", "state_dir", "params_file", "as_of"),
    *("threads", "memory_limit_gb"),
)


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a process that sees the settings given and no others."""
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_PREFIX) and name not in _NOT_HANDED_ON
    }
    own = {f"{_PREFIX}{name.upper()}": str(getattr(settings, name)) for name in _HANDED_ON}
    return {**others, **own, f"{_PREFIX}LOCK_TIMEOUT_SECONDS": str(_WAIT_SECONDS)}


def run_week(
    place: ReplayPlace, live: Settings, monday: date, *, retrain: Profile | None
) -> RefreshRecord:
    """Run the weekly job of a Monday and wait for it; what it prints goes to a log.

    Args:
        place: The replay's folder, with the Monday's files in it.
        live: What the machine may use.
        monday: The product's today.
        retrain: Train a challenger of this profile.

    Returns:
        What the job says of itself; where it died without a word, its exit code alone (negative:
        the signal that ended it).
    """
    settings = place.settings(live, monday=monday)
    record = place.logs_path / f"{monday}.json"
    record.unlink(missing_ok=True)
    place.logs_path.mkdir(parents=True, exist_ok=True)
    arguments = ["--record", str(record), *(("--retrain", retrain) if retrain else ())]
    with (place.logs_path / f"{monday}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our interpreter and our arguments
            weekly_job_command(arguments),
            env=environment_of(settings),
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
