"""Where Evidently's pages lie, and which of them stay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from rossmann_ml.base.settings import Settings

Report = Literal["drift", "performance"]


def reports_folder(settings: Settings) -> Path:
    """The folder with a folder for each run."""
    return settings.state_path / "reports"


def report_path(settings: Settings, run_id: str, report: Report) -> Path:
    """The page of a run; it need not be there."""
    return reports_folder(settings) / run_id / f"{report}.html"


def remove_old_reports(settings: Settings, *, kept: int) -> list[Path]:
    """Remove the folders of all runs but the newest that made a drift report.

    Returns:
        The folders that were removed.
    """
    made = sorted(
        reports_folder(settings).glob("*/drift.html"),
        key=lambda page: page.stat().st_mtime_ns,
        reverse=True,
    )
    old = [page.parent for page in made[kept:]]
    for folder in old:
        shutil.rmtree(folder)
    return old
