"""A week of sales that waits in the incoming folder of a place fed by the sample."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.sample import write_sample

NEWEST_ORIGIN = date(2015, 6, 19)


def write_drop(settings: Settings, days: int) -> None:
    """Write the sample's days after the newest as a drop."""
    settings.incoming_path.mkdir(parents=True, exist_ok=True)
    marker = json.loads((settings.raw_path / "dataset.json").read_text(encoding="utf-8"))
    last = NEWEST_ORIGIN + timedelta(days=days)
    with TemporaryDirectory() as folder:
        write_sample(
            Path(folder),
            stores=marker["stores"],
            seed=marker["seed"],
            first_date=NEWEST_ORIGIN + timedelta(days=1),
            last_date=last,
        )
        shutil.copy(Path(folder) / "train.csv", settings.incoming_path / f"sales_{last}.csv")
