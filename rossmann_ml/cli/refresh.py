"""Define ``rossmann refresh``, which runs the weekly job."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Annotated

import typer

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.settings import default_settings
from rossmann_ml.ingest.landing import require_files
from rossmann_ml.pipeline.weekly_job import weekly_job_command
from rossmann_ml.warehouse.session import Session


def refresh(
    retrain: Annotated[
        Profile | None,
        typer.Option(help="Train a challenger and pass it to the gate."),
    ] = None,
    origin: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="Backfill this past origin with the data known then.",
        ),
    ] = None,
) -> None:
    """Run the weekly job: land files, build, check, forecast, publish.

    The first run trains a model, later runs keep the champion. The run appears in Dagster's UI.
    A second run on the same data changes nothing. A failed step stops all steps after it, and
    the last published generation stays.
    """
    if retrain and origin:
        raise SettingsError("--retrain and --origin exclude each other")
    require_files(Session(default_settings()))
    arguments = [
        *(("--retrain", retrain) if retrain else ()),
        *(("--origin", f"{origin:%Y-%m-%d}") if origin else ()),
    ]
    sys.stdout.flush()
    # replaced, so that signals reach the job and its exit code is this process's
    os.execv(sys.executable, weekly_job_command(arguments))  # noqa: S606 - no shell is wanted
