"""Decide in which weeks the scheduled run trains.

Entry point: :func:`reason_to_train`, for Dagster's schedules and other schedulers. Training because
of alerts is advised in :mod:`rossmann_ml.monitoring.retraining_advice`.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rossmann_ml.serving.generations import pointed_path
from rossmann_ml.serving.status import read_status


def reason_to_train(published_path: Path, day: date, *, every_weeks: int) -> str | None:
    """Return why the weekly run of a week trains; None if it only forecasts.

    A run trains in each of three cases:

    - No generation is published yet.
    - A training is scheduled in the week: its number, counted from 0 on January 1 of year 1, is
      divisible by ``every_weeks``. The schedule does not depend on the last training.
    - The last run advised a training. The advice is read from ``status.json``, because another
      process may be writing to the warehouse.

    Args:
        published_path: Folder of the generations and ``status.json``.
        day: Any day of the week (Monday to Sunday).
        every_weeks: Number of weeks between two scheduled trainings.
    """
    if pointed_path(published_path) is None:
        return "there is no champion yet"
    # day 1 of the proleptic calendar was a Monday
    if (day.toordinal() - 1) // 7 % every_weeks == 0:
        return f"every {every_weeks} weeks"
    return read_status(published_path).retraining_advice
