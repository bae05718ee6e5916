"""Print the training profile of a scheduled run outside Dagster: ``full``, ``fast`` or nothing.

``when due`` prints ``full`` in the weeks in which Dagster's schedules would train: every
``training.retrain_every_weeks`` of ``params.yaml``, when alerts advise it, and in the first run.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import load_settings
from rossmann_ml.monitoring.training_weeks import reason_to_train


def profile(asked: str, day: date, *, published_path: Path, every_weeks: int) -> str:
    """Return the profile to train; empty for no training."""
    if asked == "when due":
        return "full" if reason_to_train(published_path, day, every_weeks=every_weeks) else ""
    return {"full": "full", "fast": "fast", "no": ""}[asked]


if __name__ == "__main__":
    settings = load_settings()
    params = load_params(settings.params_path)
    print(
        profile(
            sys.argv[1],
            datetime.now(UTC).date(),
            published_path=settings.published_path,
            every_weeks=params.training.retrain_every_weeks,
        )
    )
