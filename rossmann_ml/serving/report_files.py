"""Paths of the HTML reports that Evidently writes about a run.

:mod:`rossmann_ml.monitoring.drift` writes the reports; the dashboard offers them for download.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rossmann_ml.base.settings import Settings

Report = Literal["drift", "performance"]


def reports_folder(settings: Settings) -> Path:
    """Return the folder of all reports, which has a folder per run."""
    return settings.state_path / "reports"


def report_path(settings: Settings, run_id: str, report: Report) -> Path:
    """Return the path of a report of a run, which need not exist."""
    return reports_folder(settings) / run_id / f"{report}.html"
