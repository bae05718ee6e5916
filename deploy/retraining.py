"""Says how a scheduled run outside Dagster trains: prints ``full``, ``fast`` or nothing.

``when due`` is full in the weeks in which Dagster's own schedule would train
(``training.retrain_every_weeks`` in ``params.yaml``).
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime

from rossmann_ml.params import load_params
from rossmann_ml.settings import load_settings


def profile(asked: str, day: date, every_weeks: int) -> str:
    """The profile to train, empty for no training."""
    if asked == "when due":
        return "full" if day.toordinal() // 7 % every_weeks == 0 else ""
    return {"full": "full", "fast": "fast", "no": ""}[asked]


if __name__ == "__main__":
    params = load_params(load_settings().params_path)
    print(profile(sys.argv[1], datetime.now(UTC).date(), params.training.retrain_every_weeks))
