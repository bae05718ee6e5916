"""In which weeks the scheduled run trains, whoever schedules it.

Belongs here: the one rule, so that Dagster's schedules and a run outside Dagster agree. Whether
alerts ask for a training is :mod:`rossmann_ml.monitoring.retraining_advice`'s matter.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rossmann_ml.serving.generations import pointed_path
from rossmann_ml.serving.status import read_status


def reason_to_train(published_path: Path, day: date, *, every_weeks: int) -> str | None:
    """Why the run of a day's week trains; None where it keeps the champion.

    The warehouse is not opened, since another process may be writing it: alerts are asked as the
    last run left their advice.

    Args:
        published_path: The folder of the generations and of ``status.json``.
        day: Any day of the week, from Monday to Sunday.
        every_weeks: ``training.retrain_every_weeks``.
    """
    if pointed_path(published_path) is None:
        return "there is no champion yet"
    # day 1 of the proleptic calendar was a Monday
    if (day.toordinal() - 1) // 7 % every_weeks == 0:
        return f"every {every_weeks} weeks"
    return read_status(published_path).retraining_advice
