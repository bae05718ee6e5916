"""Weeks in which the scheduled run trains (``rossmann_ml.monitoring.training_weeks``)."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from rossmann_ml.monitoring.training_weeks import reason_to_train
from rossmann_ml.serving.status import Status, status_path

MONDAY = date(2015, 8, 3)
EVERY_FOUR = "every 4 weeks"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Return a published folder with a current generation and no advice."""
    (tmp_path / "CURRENT").write_text("0123456789ab.duckdb\n")
    return tmp_path


def advise(published: Path, advice: str | None) -> None:
    status = Status(retraining_advice=advice)
    status_path(published).write_text(status.model_dump_json())


def reason(published: Path, day: date, every_weeks: int = 4) -> str | None:
    return reason_to_train(published, day, every_weeks=every_weeks)


def test_without_a_published_generation_every_run_trains(tmp_path: Path) -> None:
    for week in range(5):
        day = MONDAY + timedelta(weeks=week)
        assert reason(tmp_path, day) == "there is no champion yet"


@pytest.mark.parametrize("every_weeks", [1, 2, 3, 4, 7])
def test_every_nth_week_trains(published: Path, every_weeks: int) -> None:
    weeks = [MONDAY + timedelta(weeks=number) for number in range(3 * every_weeks)]
    trains = [number for number, day in enumerate(weeks) if reason(published, day, every_weeks)]
    assert len(trains) == 3
    assert {later - earlier for earlier, later in pairwise(trains)} <= {every_weeks}


def test_weeks_are_counted_from_the_first_of_the_year_1(published: Path) -> None:
    # independent of the start of a warehouse; 2015-08-03 begins week 105,116
    assert reason(published, date(2015, 8, 3)) == EVERY_FOUR
    assert reason(published, date(2015, 8, 2)) is None
    assert reason(published, date(2015, 8, 10)) is None


@pytest.mark.parametrize("week", range(8))
def test_every_day_from_monday_to_sunday_gives_the_same_answer(published: Path, week: int) -> None:
    monday = MONDAY + timedelta(weeks=week)
    reasons = {reason(published, monday + timedelta(days=day)) for day in range(7)}
    assert len(reasons) == 1


def test_advice_of_the_last_run_causes_a_training_between(published: Path) -> None:
    advise(published, "drift (features)")
    assert reason(published, date(2015, 8, 10)) == "drift (features)"
    assert reason(published, date(2015, 8, 3)) == EVERY_FOUR


def test_without_advice_the_champion_is_kept(published: Path) -> None:
    advise(published, None)
    assert reason(published, date(2015, 8, 10)) is None
