"""A short replay of the sample: the product from one Monday to the next, resumed after a kill.

All weeks run the real weekly job. Only the one that is killed is a separate process; the others run
in this one, which saves the seconds of imports.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.code_location import environment_of, place_settings

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.replay import Books, ReplayOptions, ReplayPlace, make_books, replay
from rossmann_ml.pipeline.replay import week as process_week
from rossmann_ml.pipeline.weekly_job import RefreshRecord
from rossmann_ml.warehouse.connection import connect

pytestmark = pytest.mark.integration

OPTIONS = ReplayOptions(date(2015, 5, 4), late_share=0.05, restated_share=0.01)
WEEKS = 2
MONDAYS = [OPTIONS.monday(number) for number in range(WEEKS)]

# columns that do not depend on how often a week was begun: no run ids, clocks or MLflow versions
_COMPARED = {
    "raw.sales": "* EXCLUDE (load_id)",
    "raw.plan": "* EXCLUDE (load_id)",
    "core.fct_daily_sales": "* EXCLUDE (load_id)",
    "core.horizon_plan": "*",
    "forecasting.forecasts": "* EXCLUDE (run_id)",
    "forecasting.total_intervals": "* EXCLUDE (run_id)",
    "forecasting.forecast_drivers": "* EXCLUDE (run_id)",
    "forecasting.forecast_history": "* EXCLUDE (run_id, replaced_at)",
    "forecasting.promotions": "action, model_version, previous_model_version, reason",
    "forecasting.forecast_runs": "forecast_origin, known_by, model_version, input_hash",
    "marts.forecast_accuracy": "*",
    "marts.forecast_revisions": "*",
}


def in_this_process(
    place: ReplayPlace, live: Settings, monday: date, *, retrain: str | None
) -> RefreshRecord:
    """Run the weekly job as :func:`rossmann_ml.pipeline.replay.week.run_week` does, without a
    process."""
    # here and not above: other tests need not wait for Dagster
    from assets import refresh

    record = place.logs_path / f"{monday}.json"
    arguments = ["--record", str(record), *(("--retrain", retrain) if retrain else ())]
    before = dict(os.environ)
    try:
        os.environ.update(process_week.environment_of(place.settings(live, monday=monday)))
        refresh.main(arguments)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return RefreshRecord.read(record)


@dataclass(frozen=True)
class Played:
    """A live product that was never run, and a replay next to it."""

    live: Settings
    place: ReplayPlace

    def play(self, weeks: int) -> None:
        params = load_params(self.live.params_path)
        replay(self.live, params, OPTIONS, weeks=weeks, place=self.place, run=in_this_process)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.place.settings(self.live), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table: self.rows(f"SELECT {columns} FROM {table} ORDER BY ALL")
            for table, columns in _COMPARED.items()
        }


def kill_in_the_middle(played: Played, weeks: int, until: str) -> None:
    """Play by the command, and kill its process group once the job's log contains ``until``."""
    first = OPTIONS.first_monday
    log = played.place.logs_path / f"{OPTIONS.monday(weeks - 1)}.log"
    process = subprocess.Popen(
        [
            *(str(Path(sys.executable).with_name("rossmann")), "replay", "--from", str(first)),
            *("--weeks", str(weeks), "--folder", str(played.place.folder)),
            *("--late", "0.05", "--restated", "0.01"),
        ],
        env={**os.environ, **environment_of(played.live)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None:
        if log.exists() and until in log.read_text(encoding="utf-8"):
            break
        time.sleep(0.02)
    assert process.poll() is None, "the replay ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass(frozen=True)
class Story:
    """Tables of a replay killed in its second week, and of the same week without a kill."""

    played: Played
    killed_and_resumed: dict[str, list[tuple[Any, ...]]]
    undisturbed: dict[str, list[tuple[Any, ...]]]
    done_at_the_kill: list[date]
    books: Books


@pytest.fixture(scope="module")
def story(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("replay")
    live = place_settings(folder / "live", sample_dir)
    played = Played(live, ReplayPlace(folder / "replay"))
    played.play(1)
    other = Played(live, ReplayPlace(folder / "undisturbed"))
    shutil.copytree(played.place.folder, other.place.folder)
    kill_in_the_middle(played, 2, "scoring panel")
    done_at_the_kill = [week.monday for week in played.place.done_weeks()]
    played.play(2)
    killed_and_resumed = played.tables()
    other.play(2)
    undisturbed = other.tables()
    books = make_books(live, OPTIONS, played.place)
    return Story(played, killed_and_resumed, undisturbed, done_at_the_kill, books)


def test_every_monday_leaves_a_vintage_from_the_day_before(story: Story):
    assert story.books.stopped == 0
    assert story.played.rows(
        "SELECT forecast_origin, min(target_date), max(target_date), count(DISTINCT store_id) "
        "FROM forecasting.forecasts GROUP BY 1 ORDER BY 1"
    ) == [
        (monday - timedelta(days=1), monday, monday + timedelta(days=41), 40) for monday in MONDAYS
    ]
    path = story.played.place.settings(story.played.live).published_path
    current = path / (path / "CURRENT").read_text(encoding="utf-8").strip()
    with duckdb.connect(str(current), read_only=True) as published:
        origins = published.execute("SELECT count(DISTINCT forecast_origin) FROM forecasts")
        assert origins.fetchall() == [(WEEKS,)]


def test_nothing_was_landed_before_its_monday(story: Story):
    assert story.played.rows("SELECT count(*) FROM raw.sales WHERE known_on < date") == [(0,)]
    for monday, newest in story.played.rows(
        "SELECT known_on, max(last_date) FROM raw.loads WHERE kind = 'sales' GROUP BY 1"
    ):
        assert newest == monday - timedelta(days=1)
    (reported,) = story.played.rows(
        f"SELECT count(DISTINCT store) FROM raw.sales WHERE date >= '{MONDAYS[0]}'"
    )
    assert 30 < reported[0] < 40  # the others report a week late


def test_no_model_saw_its_future(story: Story):
    served = story.played.rows(
        """
        SELECT runs.known_by, models.trained_through, runs.forecast_origin
        FROM forecasting.forecast_runs AS runs
        INNER JOIN forecasting.model_versions AS models USING (model_version)
        """
    )
    assert len(served) == WEEKS
    assert all(trained <= origin < known_by for known_by, trained, origin in served)


def test_only_the_first_week_trains_and_its_model_serves_on(story: Story):
    assert [job.endswith("_with_training") for job in story.books.weeks["job"]] == [True, False]
    assert story.books.weeks["model_version"].n_unique() == 1
    assert story.books.promotions["action"].to_list() == ["promoted"]


def test_a_killed_week_is_played_again_to_the_same_tables(story: Story):
    assert story.done_at_the_kill == MONDAYS[:1]
    assert story.killed_and_resumed.keys() == story.undisturbed.keys()
    for table, rows in story.undisturbed.items():
        assert rows == story.killed_and_resumed[table], table
        assert rows or table.endswith("_history")


def test_the_live_product_is_left_alone(story: Story):
    live = story.played.live
    assert not live.warehouse_path.exists()
    assert not live.state_path.exists()


def test_the_books_say_how_good_each_week_was_and_what_it_took(story: Story):
    whole = story.books.accuracy.filter(story.books.accuracy["horizon_week"] == "all")
    assert whole["monday"].to_list() == [*MONDAYS, None]
    assert all(0 < rmspe < 0.3 for rmspe in whole["rmspe"])
    assert all(0.5 < share <= 1 for share in whole["coverage_95"])
    assert story.books.weeks["peak_gigabytes"].min() > 0
    assert set(story.books.steps["monday"]) == set(MONDAYS)
