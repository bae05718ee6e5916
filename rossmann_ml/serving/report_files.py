"""Build the paths of the HTML reports that Evidently writes whenever drift is measured.

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
    """Return the path of one of Evidently's reports; the file need not exist.

    Args:
        settings: Settings with the state folder.
        run_id: Run that measured drift.
        report: ``drift`` (changes of data and forecasts) or ``performance`` (forecast errors).
    """
    return reports_folder(settings) / run_id / f"{report}.html"
