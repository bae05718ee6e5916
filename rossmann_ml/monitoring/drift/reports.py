"""Which of Evidently's pages stay; their paths are in :mod:`rossmann_ml.serving.report_files`."""

from __future__ import annotations

import shutil
from pathlib import Path

from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.report_files import reports_folder


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
