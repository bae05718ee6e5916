"""Build the paths of HTML reports that Evidently writes about each run.

:mod:`rossmann_ml.monitoring.drift` writes the reports; the dashboard offers them for download.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rossmann_ml.base.settings import Settings

Report = Literal["drift", "performance"]


def reports_folder(settings: Settings) -> Path:
    """Return the folder that contains all reports, in one subfolder per run."""
    return settings.state_path / "reports"


def report_path(settings: Settings, run_id: str, report: Report) -> Path:
    """Return the path of a report about a run; the file need not exist."""
    return reports_folder(settings) / run_id / f"{report}.html"
