"""Remove old Evidently pages.

The paths of the pages are in :mod:`rossmann_ml.serving.report_files`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.report_files import reports_folder


def remove_old_reports(settings: Settings, *, kept: int) -> list[Path]:
    """Remove the report folders of all but the newest runs with a drift report.

    Args:
        settings: Settings with the state folder.
        kept: Number of newest folders that stay.

    Returns:
        Removed folders.
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
