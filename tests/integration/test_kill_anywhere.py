"""The weekly job is killed at each stage's commit point, and the next run makes it good."""

from __future__ import annotations

import os
from collections.abc import Callable

import dagster as dg
import pytest
from support.faults.harness import (
    Job,
    Place,
    as_lines,
    contents,
    differences,
    leftovers,
    trouble,
    watching,
)
from support.faults.kills import kill_at
from support.refreshed import Refreshed
from support.weekly_drop import write_drop

from assets.home import open_instance
from rossmann_ml.recovery import back_up, examine, restore

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not os.environ.get("ROSSMANN_KILL_TESTS"),
        reason="many minutes of kills: ROSSMANN_KILL_TESTS=1 runs them",
    ),
]

# What a run has committed when it dies there, stage by stage. The checks between them commit
# results alone.
COMMIT_POINTS = (
    "land files",
    "dbt: staging, core",
    "scoring panel",
    "forecast",
    "explain",
    "dbt: marts",
    "drift",
    "alerts",
)


@pytest.fixture
def place(copy_of_refreshed: Callable[[], Refreshed]) -> Place:
    """A place in which a week of sales waits."""
    refreshed = copy_of_refreshed()
    write_drop(refreshed.settings, days=7)
    return Place(refreshed.folder, refreshed.settings.raw_path)


def test_a_job_killed_at_every_commit_point_ends_as_if_nothing_had_happened(
    place: Place, tmp_path
) -> None:
    undisturbed = place.copy_to(tmp_path / "undisturbed")
    with watching(place) as watch:
        for step in COMMIT_POINTS:
            kill = kill_at(place, step, seconds=0, ended=True)
            assert kill is not None, f"the job was over before “{step}” had ended"
        kill_at(place, "publish", seconds=0.2)  # in its middle, or when it has ended
        assert Job(place).wait() == 0, place.log_path.read_text()
    assert watch.faults == []
    assert watch.reads > 20
    assert len(watch.generations) == 2
    # the same from a backup, in an empty place, by a job that nobody disturbs
    archive = tmp_path / "backup.tar"
    back_up(undisturbed.settings, archive)
    elsewhere = Place(tmp_path / "elsewhere", place.raw)
    elsewhere.folder.mkdir()
    restore(elsewhere.settings, archive)
    write_drop(elsewhere.settings, days=7)
    assert [each for each in examine(elsewhere.settings) if each.severity == "error"] == []
    assert Job(elsewhere).wait() == 0, elsewhere.log_path.read_text()
    assert differences(place, contents(elsewhere)) == []
    assert leftovers(place) == leftovers(elsewhere) == []
    assert as_lines(trouble(place)) == as_lines(trouble(elsewhere)) == []
    with open_instance(place.settings) as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(job_name="weekly_refresh"))
    statuses = [run.status for run in runs]
    assert statuses[0] is dg.DagsterRunStatus.SUCCESS
    assert dg.DagsterRunStatus.STARTED not in statuses
