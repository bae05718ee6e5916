"""From Monday to Monday: what is played, what is played again, what is refused, and the books."""

from __future__ import annotations

import os
import signal
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import typer
from filelock import FileLock
from support.replays import FIRST_MONDAY, WEEKS, StandInJob, live_settings, write_source
from typer.testing import CliRunner

from rossmann_ml.base.errors import (
    BusyError,
    InterruptedReplayError,
    NoDataError,
    SettingsError,
)
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.cli import replay as cli
from rossmann_ml.pipeline.replay import (
    PlayedWeek,
    ReplayOptions,
    ReplayPlace,
    make_books,
    replay,
    week,
)
from rossmann_ml.pipeline.replay.page import page
from rossmann_ml.warehouse.connection import connect

PARAMS = load_params(PROJECT_DIR / "params.yaml")
OPTIONS = ReplayOptions(FIRST_MONDAY)
MONDAYS = [FIRST_MONDAY + timedelta(weeks=number) for number in range(WEEKS)]


@pytest.fixture
def live(tmp_path: Path) -> Settings:
    return live_settings(tmp_path, write_source(tmp_path / "raw"))


@pytest.fixture
def place(tmp_path: Path) -> ReplayPlace:
    return ReplayPlace(tmp_path / "replay")


def play(
    live: Settings,
    place: ReplayPlace,
    weeks: int,
    job: StandInJob | None = None,
    options: ReplayOptions = OPTIONS,
) -> list[PlayedWeek]:
    return replay(live, PARAMS, options, weeks=weeks, place=place, run=job or StandInJob())


def test_every_monday_is_played_once_and_challengers_are_trained_as_asked(
    live: Settings, place: ReplayPlace
):
    job = StandInJob()
    done = play(live, place, 6, job, ReplayOptions(FIRST_MONDAY, retrain_every_weeks=4))
    assert job.calls == [
        (monday, "fast" if number in {0, 4} else None) for number, monday in enumerate(MONDAYS[:6])
    ]
    assert [each.monday for each in done] == MONDAYS[:6]
    assert not live.warehouse_path.exists()
    assert not live.state_path.exists()


def test_a_replay_goes_on_where_it_ended(live: Settings, place: ReplayPlace):
    play(live, place, 2)
    job, told = StandInJob(), []
    replay(live, PARAMS, OPTIONS, weeks=4, place=place, run=job, progress=told.append)
    assert [monday for monday, _ in job.calls] == MONDAYS[2:4]
    assert told[0] == "2 weeks are done already"
    assert "2015-02-16    3/4" in told[1]
    assert "0.50 GB" in told[1]


def test_a_week_in_which_the_replay_was_killed_is_played_again(live: Settings, place: ReplayPlace):
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    play(live, place, 1)
    with pytest.raises(Killed):
        replay(live, PARAMS, OPTIONS, weeks=3, place=place, run=killed)  # type: ignore[arg-type]
    assert [each.monday for each in place.done_weeks()] == MONDAYS[:1]
    job = StandInJob()
    play(live, place, 3, job)
    assert [monday for monday, _ in job.calls] == MONDAYS[1:3]


@pytest.mark.parametrize("exit_code", [130, 128 + signal.SIGTERM, -signal.SIGKILL])
def test_a_week_whose_job_was_interrupted_is_not_done(
    live: Settings, place: ReplayPlace, exit_code: int
):
    job = StandInJob(exit_codes={MONDAYS[1]: exit_code})
    with pytest.raises(InterruptedReplayError, match="2015-02-09"):
        play(live, place, 3, job)
    assert [each.monday for each in place.done_weeks()] == MONDAYS[:1]


def test_a_week_whose_job_stops_is_noted_and_the_next_monday_comes(
    live: Settings, place: ReplayPlace
):
    job = StandInJob(exit_codes={MONDAYS[1]: 9})
    done = play(live, place, 3, job)
    assert [each.refresh.exit_code for each in done] == [0, 9, 0]
    books = make_books(live, OPTIONS, place)
    assert books.stopped == 1
    row = books.weeks.row(1, named=True)
    assert (row["failed_step"], row["reason"]) == ("publish", "totals jumped")
    assert row["model_version"] is None
    text = page(books, OPTIONS, data_set="retailer")
    assert "- 2015-02-09, exit code 9, publish: totals jumped" in text


@pytest.mark.parametrize("weeks", [0, WEEKS + 1])
def test_more_weeks_than_the_files_hold_are_refused(live: Settings, place: ReplayPlace, weeks: int):
    with pytest.raises(NoDataError, match=f"enough for 1 to {WEEKS}"):
        play(live, place, weeks)


def test_other_options_are_another_replay(live: Settings, place: ReplayPlace):
    play(live, place, 1)
    other = ReplayOptions(FIRST_MONDAY, late_share=0.5)
    with pytest.raises(SettingsError, match=r"late_share is 0\.0 there and 0\.5 here"):
        play(live, place, 2, options=other)


def test_other_files_are_another_replay(live: Settings, place: ReplayPlace):
    play(live, place, 1)
    with (live.raw_path / "train.csv").open("a") as stream:
        stream.write("\n")
    with pytest.raises(SettingsError, match=r"train\.csv is"):
        play(live, place, 2)


def test_a_folder_of_other_things_is_refused(live: Settings, place: ReplayPlace):
    place.folder.mkdir()
    (place.folder / "thesis.tex").touch()
    with pytest.raises(SettingsError, match=r"holds thesis\.tex and no replay"):
        play(live, place, 1)


@pytest.mark.parametrize("name", ["warehouse_path", "state_path", "raw_path"])
def test_the_live_products_folders_are_refused(live: Settings, name: str):
    for folder in (getattr(live, name), getattr(live, name).parent):
        with pytest.raises(SettingsError, match="live product's"):
            play(live, ReplayPlace(folder), 1)
    assert not live.warehouse_path.exists()


def test_two_replays_never_work_in_one_folder(live: Settings, place: ReplayPlace):
    place.folder.mkdir()
    with (
        FileLock(place.folder / "replay.lock"),
        pytest.raises(BusyError, match="another replay"),
    ):
        play(live, place, 1)


def test_the_books_hold_what_users_would_have_lived_with(live: Settings, place: ReplayPlace):
    play(live, place, 4)
    with connect(place.settings(live)) as connection:
        # a row that was served first and replaced later: what was served counts
        connection.execute(
            """
            INSERT INTO forecasting.forecast_history BY NAME
            SELECT * REPLACE (sales_forecast * 2 / 1.1 AS sales_forecast), now() AS replaced_at
            FROM forecasting.forecasts
            WHERE store_id = 1 AND forecast_origin = '2015-02-01' AND target_date = '2015-02-02'
            """
        )
        connection.execute(
            """
            INSERT INTO forecasting.promotions
            VALUES (1, now() AT TIME ZONE 'UTC' - INTERVAL 1 DAY, 'promoted', 'm', NULL, 'gate',
                'first champion', '{}', true)
            """
        )
    books = make_books(live, OPTIONS, place)
    by_week = {
        (row["monday"], row["horizon_week"]): row for row in books.accuracy.iter_rows(named=True)
    }
    second = by_week[MONDAYS[1], "all"]
    assert second["rmspe"] == pytest.approx(0.1)
    assert second["bias"] == pytest.approx(0.1)
    assert (second["coverage_80"], second["coverage_95"]) == (0, 1)
    # two stores, 36 working days, one of them a hole in the files
    assert second["store_days"] == 71
    # the hole is forecast, and its sales never came; stores 3 (from 2015-03-04), 4 and 5 sell
    # without a forecast, so the total is far too low
    assert (second["days_without_sales"], second["days_not_forecast"]) == (1, 88)
    assert second["total_error"] == pytest.approx(-0.52, abs=0.02)
    first = by_week[MONDAYS[0], "1"]
    assert first["rmspe"] == pytest.approx(((11 * 0.01 + 1) / 12) ** 0.5)
    assert by_week[MONDAYS[3], "6"]["last_target_date"] == date(2015, 4, 3)
    assert by_week[None, "all"]["rmspe_median"] == pytest.approx(0.1)
    assert by_week[None, "all"]["store_days"] == sum(
        by_week[monday, "all"]["store_days"] for monday in MONDAYS[:4]
    )
    assert books.promotions.row(0, named=True)["monday"] == MONDAYS[0]
    with connect(place.settings(live), read_only=True) as connection:
        stored = connection.execute("SELECT count(*) FROM replay.accuracy").fetchall()
    assert stored == [(len(books.accuracy),)]
    for name in ("weeks", "steps", "accuracy", "promotions"):
        assert len(pl.read_csv(place.report_path / f"{name}.csv")) == len(getattr(books, name))
        pl.read_parquet(place.report_path / f"{name}.parquet").equals(getattr(books, name))
    text = page(books, OPTIONS, data_set="sample-5-1")
    assert "| 2015-02-09 | m | 71 | 0.1000 | +10.0% | 0.0% | 100.0% |" in text
    assert "- 2015-02-02: m promoted; first champion" in text
    # making them again replaces them
    again = make_books(live, OPTIONS, place)
    assert again.accuracy.equals(books.accuracy)


def test_the_page_compares_the_times_of_first_and_last_weeks(live: Settings, place: ReplayPlace):
    options = ReplayOptions(
        FIRST_MONDAY, retrain_every_weeks=9, late_share=0.1, restated_share=0.05
    )
    play(live, place, WEEKS, options=options)
    text = page(make_books(live, options, place), options, data_set="retailer")
    assert "| land files | 1.0 | 1.0 |" in text
    assert "10.0% of stores reported a week late, 5.0% of store-days were corrected" in text
    assert "| without training | 8 |" in text


def test_alerts_are_in_the_books(live: Settings, place: ReplayPlace):
    play(live, place, 2)
    assert "None." in page(make_books(live, OPTIONS, place), OPTIONS, data_set="retailer")
    with connect(place.settings(live)) as connection:
        connection.execute(
            """
            CREATE OR REPLACE TABLE monitoring.alerts AS
            SELECT DATE '2015-02-09' AS raised_on, now()::TIMESTAMP AS raised_at,
                'accuracy' AS rule, 'all' AS subject, 'warning' AS severity,
                'worse than promised' AS message, 2.0 AS value, 1.5 AS threshold,
                NULL::TIMESTAMP AS resolved_at
            """
        )
    books = make_books(live, OPTIONS, place)
    assert "- 2015-02-09, warning, accuracy (all): worse than promised" in page(
        books, OPTIONS, data_set="retailer"
    )


def _stand_in_process(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(
        week, "weekly_job_command", lambda arguments: [sys.executable, "-c", program, *arguments]
    )


def test_the_job_is_a_process_that_sees_the_replay_and_nothing_of_the_live_product(
    live: Settings, place: ReplayPlace, monkeypatch: pytest.MonkeyPatch
):
    for name in ("ROSSMANN_ALERT_WEBHOOK", "MLFLOW_TRACKING_URI", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "http://live.example")
    _stand_in_process(
        monkeypatch,
        "import os, sys\n"
        "from pathlib import Path\n"
        "from rossmann_ml.pipeline.weekly_job import RefreshRecord\n"
        "from rossmann_ml.base.settings import load_settings\n"
        "settings = load_settings()\n"
        "live = [name for name, value in os.environ.items() if 'live.example' in value]\n"
        "said = f'{settings.as_of} {settings.warehouse_path} {settings.tracking_uri} {live}'\n"
        "print('to the log')\n"
        "RefreshRecord(0, reason=f'{said} {sys.argv[3:]}').write(Path(sys.argv[2]))\n",
    )
    done = week.run_week(place, live, MONDAYS[0], retrain="fast")
    assert done.reason == (
        f"2015-02-02 {place.folder / 'warehouse'} "
        f"sqlite:///{place.folder / 'state' / 'mlflow' / 'mlflow.db'} [] ['--retrain', 'fast']"
    )
    assert (place.logs_path / "2015-02-02.log").read_text() == "to the log\n"


def test_a_job_that_dies_without_a_word_is_told_by_its_exit_code(
    live: Settings, place: ReplayPlace, monkeypatch: pytest.MonkeyPatch
):
    _stand_in_process(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    died = week.run_week(place, live, MONDAYS[0], retrain=None)
    assert died.exit_code == -signal.SIGKILL
    assert died.reason is not None
    assert "2015-02-02.log" in died.reason


def test_a_replay_that_is_interrupted_ends_its_job(
    live: Settings, place: ReplayPlace, monkeypatch: pytest.MonkeyPatch
):
    _stand_in_process(
        monkeypatch,
        "import os, pathlib, signal, sys, time\n"
        "pathlib.Path(sys.argv[2] + '.pid').write_text(str(os.getpid()))\n"
        "os.kill(os.getppid(), signal.SIGINT)\n"
        "time.sleep(20)\n"
        "pathlib.Path(sys.argv[2] + '.ended by itself').touch()\n",
    )
    with pytest.raises(KeyboardInterrupt):
        week.run_week(place, live, MONDAYS[0], retrain=None)
    (path,) = place.logs_path.glob("*.pid")
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)
    assert list(place.logs_path.glob("*.ended by itself")) == []


def test_the_command_goes_on_and_prints_the_books(
    live: Settings, place: ReplayPlace, monkeypatch: pytest.MonkeyPatch
):
    play(live, place, 2)
    monkeypatch.setattr(cli, "default_settings", lambda: live)
    asked = ["--from", str(FIRST_MONDAY), "--folder", str(place.folder)]
    app = typer.Typer()
    app.command()(cli.replay)
    done = CliRunner().invoke(app, [*asked, "--weeks", "2"])
    assert done.exit_code == 0, done.output
    for said in ("2 weeks are done already", "2015-02-09", "0.100", "+10.0%", "median"):
        assert said in done.output
    assert max(map(len, done.output.splitlines()[5:12])) <= 80
    text = (place.report_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Replay from 2015-02-02: 2 weeks of retailer")


def test_the_command_fails_when_the_job_of_a_week_stopped(
    live: Settings, place: ReplayPlace, monkeypatch: pytest.MonkeyPatch
):
    play(live, place, 2, StandInJob(exit_codes={MONDAYS[1]: 9}))
    monkeypatch.setattr(cli, "default_settings", lambda: live)
    app = typer.Typer()
    app.command()(cli.replay)
    asked = ["--from", str(FIRST_MONDAY), "--folder", str(place.folder), "--weeks", "2"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 1
    assert "weeks whose job stopped: 1" in done.output


@pytest.mark.parametrize(
    ("option", "value"),
    [("--late", "1.5"), ("--restated", "-0.1"), ("--retrain-every", "0"), ("--seed", "-1")],
)
def test_an_option_that_makes_no_replay_is_refused(option: str, value: str):
    app = typer.Typer()
    app.command()(cli.replay)
    done = CliRunner().invoke(app, ["--from", str(FIRST_MONDAY), option, value])
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.output
