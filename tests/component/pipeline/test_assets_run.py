"""Around a run: the writer's lock, Dagster's home, lines on a terminal, the outcome's record."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from rich.console import Console
from support.code_location import environment_of, place_settings

from assets import refresh
from assets.home import open_instance, prepare_dagster_home
from assets.metadata import reported
from assets.resources import Pipeline, Training, Writer
from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.weekly_job import RefreshRecord

LOCKING = """
from rossmann_ml.base.errors import BusyError
from rossmann_ml.base.settings import load_settings
from rossmann_ml.warehouse.connection import writer_lock
try:
    with writer_lock(load_settings(lock_timeout_seconds=0)):
        print("free")
except BusyError:
    print("taken")
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return place_settings(tmp_path, tmp_path / "raw")


@pytest.fixture(autouse=True)
def home_of_this_test(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", "")


def lock_as_another_process_sees_it(settings: Settings) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOCKING],
        env=environment_of(settings),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_run_is_the_writer_from_its_first_step_to_its_end(settings: Settings):
    seen: list[str] = []

    @dg.asset
    def first(writer: Writer) -> None:
        seen.append(lock_as_another_process_sees_it(writer.settings))

    @dg.asset(deps=[first])
    def second(writer: Writer) -> None:
        seen.append(lock_as_another_process_sees_it(writer.settings))

    pipeline = Pipeline.of(settings)
    writer = Writer(pipeline=pipeline)
    assert dg.materialize([first, second], resources={"writer": writer}).success
    assert seen == ["taken", "taken"]
    assert lock_as_another_process_sees_it(settings) == "free"


def test_a_read_only_step_does_not_take_the_lock(settings: Settings):
    @dg.asset
    def looking(pipeline: Pipeline) -> str:
        return lock_as_another_process_sees_it(pipeline.settings)

    done = dg.materialize([looking], resources={"pipeline": Pipeline.of(settings)})
    assert done.output_for_node("looking") == "free"


def test_resources_have_the_settings_and_parameters_of_their_place(settings: Settings):
    pipeline = Pipeline.of(settings)
    assert pipeline.settings == settings
    assert pipeline.params.training.profiles["fast"].models["catboost"].trees == 25


def test_an_address_that_may_hold_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@somewhere")
    pipeline = Pipeline.of(Settings())
    assert "secret" not in str(pipeline.values)
    assert pipeline.settings.tracking_uri == "http://me:secret@somewhere"


def test_dagster_keeps_everything_below_the_state_folder(settings: Settings):
    home = prepare_dagster_home(settings)
    assert home == settings.state_path / "dagster"
    written = yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8"))
    for part in ("run_storage", "event_log_storage", "schedule_storage", "compute_logs"):
        assert Path(written[part]["config"]["base_dir"]).is_relative_to(home)


def test_dagster_has_no_telemetry_and_runs_one_job_at_a_time(settings: Settings):
    with open_instance(settings) as instance:
        assert not instance.telemetry_enabled
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1


def test_dagster_dev_in_the_checkout_keeps_its_runs_in_the_same_folder(settings: Settings):
    own = yaml.safe_load((settings.home / "dagster.yaml").read_text(encoding="utf-8"))
    copy = yaml.safe_load((prepare_dagster_home(settings) / "dagster.yaml").read_text("utf-8"))
    for part in ("run_storage", "event_log_storage", "schedule_storage", "compute_logs"):
        below = Path(own[part]["config"]["base_dir"]).relative_to(".state/dagster")
        assert Path(copy[part]["config"]["base_dir"]) == settings.state_path / "dagster" / below


@dg.asset
def good(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    context.log.info("halfway")
    context.log.warning("something [odd]")
    return dg.MaterializeResult(metadata=reported("42 rows"))


@dg.asset(deps=[good])
def bad() -> None:
    try:
        {}["the cause of it"]
    except KeyError as error:
        raise RefusedError("two rows are [wrong]\nin this way") from error


@dg.asset
def interrupted() -> None:
    signal.raise_signal(signal.SIGINT)
    time.sleep(5)


@dg.asset
def broken() -> None:
    1 / 0  # noqa: B018 - a bug


@dg.asset(deps=[bad])
def never() -> None:
    raise AssertionError


@pytest.fixture
def run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[RefreshRecord, str, str]]:
    """Run assets as the weekly job; return its record, its output and its errors."""

    def run_assets(
        *assets: dg.AssetsDefinition, is_screen: bool = False
    ) -> tuple[RefreshRecord, str, str]:
        def definitions(
            *, settings: Settings, loggers: dict[str, dg.LoggerDefinition]
        ) -> dg.Definitions:
            return dg.Definitions(
                assets=assets,
                jobs=[dg.define_asset_job("all_of_it")],
                resources={"training": Training(), "pipeline": Pipeline.of(settings)},
                loggers=loggers,
            )

        monkeypatch.setattr(refresh, "build_definitions", definitions)
        console = Console(force_terminal=is_screen, highlight=False)
        with open_instance(settings) as instance:
            record = refresh.run_job(console, settings, instance, "all_of_it", profile="fast")
        printed = capfd.readouterr()
        return record, printed.out, printed.err

    return run_assets


def test_a_step_is_a_line_at_its_start_and_one_at_its_end(run):
    record, printed, _ = run(good)
    _, start, note, end = printed.splitlines()
    assert start.split() == ["1/1", "good", "..."]
    assert note.strip() == "note: something [odd]"
    assert end.split()[:2] == ["1/1", "good"]
    assert end.endswith(" s  42 rows")
    assert list(record.step_seconds) == ["good"]
    assert (record.exit_code, record.reason) == (0, None)


def test_a_screen_shows_what_the_step_is_doing_and_then_the_one_line(run):
    _, printed, _ = run(good, is_screen=True)
    assert "halfway" in printed
    assert "42 rows" in printed.splitlines()[-1]


def test_a_failure_is_printed_with_its_cause_its_log_and_what_did_not_run(run):
    record, _, errors = run(good, bad, never)
    assert record.failed_step == "bad"
    assert record.reason == "two rows are [wrong]\nin this way"
    assert record.exit_code == RefusedError.exit_code
    assert list(record.step_seconds) == ["good"]
    stopped, _, skipped, log = errors.splitlines()
    assert stopped == "stopped in the step “bad”: two rows are [wrong]"
    assert skipped == "1 steps after it did not run."
    assert "KeyError: 'the cause of it'" in Path(log.partition(": ")[2]).read_text("utf-8")


def test_an_interrupt_is_printed_as_such(run):
    record, _, _ = run(interrupted, never)
    assert (record.reason, record.exit_code) == ("interrupted", 130)
    assert record.failed_step == "interrupted"


def test_a_bug_is_printed_with_its_class_and_ends_with_code_1(run):
    record, _, _ = run(broken)
    assert record.reason == "ZeroDivisionError: division by zero"
    assert record.exit_code == 1


def test_a_run_that_fails_before_its_first_step_has_a_reason(run, monkeypatch):
    @contextmanager
    def nowhere(self: Training, context: dg.InitResourceContext) -> Iterator[Training]:
        raise OSError("nowhere to train")
        yield self

    monkeypatch.setattr(Training, "yield_for_execution", nowhere)

    @dg.asset
    def training_asset(training: Training) -> None:
        raise AssertionError

    record, _, _ = run(training_asset)
    assert "nowhere to train" in str(record.reason)
    assert (record.exit_code, record.failed_step) == (1, None)


PRINTING = """
import subprocess, sys
from pathlib import Path
from assets.terminal import quiet
with quiet(Path(sys.argv[1])) as terminal:
    print("from Python")
    subprocess.run(["echo", "from another process"], check=True)
    print("for the person", file=terminal, flush=True)
print("afterwards")
"""


def test_what_libraries_print_goes_to_the_log_and_not_to_the_terminal(tmp_path: Path):
    log = tmp_path / "logs" / "run.log"
    done = subprocess.run(
        [sys.executable, "-c", PRINTING, str(log)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["for the person", "afterwards"]
    assert set(log.read_text(encoding="utf-8").splitlines()) == {
        *("from Python", "from another process")
    }


def test_the_record_of_a_refused_run_has_the_reason(settings: Settings, tmp_path, monkeypatch):
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    record = tmp_path / "records" / "refused.json"
    code = refresh.main(["--origin", "2015-05-08", "--record", str(record)])
    written = RefreshRecord.read(record)
    assert code == written.exit_code == NoDataError.exit_code
    assert (written.job, written.step_seconds) == (None, {})
    assert written.reason is not None
    assert "run `rossmann refresh` first" in written.reason
    assert written.peak_gigabytes is not None
