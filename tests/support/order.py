"""Which files of tests begin first, so that two workers end together.

What takes minutes begins first, and what makes the same thing for all workers does not begin on two
of them at once: the second would wait. Unit tests are ordered by xdist itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

FIRST = (
    "test_weekly_job.py",  # makes what has been refreshed once
    "test_compose.py",
    "test_chain_real.py",
    "test_replay.py",
    "test_chain_backfill.py",  # makes what has been trained once
    "test_dvc.py",
    "test_learning.py",
    "test_dbt_project.py",
    "test_another_retailer.py",
    "test_horizons.py",
    "test_dashboard_browser.py",
    "test_up_and_down.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first; the others stay in their order."""
    place = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(Path(item.path).name, len(FIRST)))
