"""Kill the weekly job at random moments, and try other faults: `make soak`.

    python -m pytest tests/faults/soak.py --rounds 25 --seed a -n 2

After a fault the next run must leave what an undisturbed run leaves, without locks or half-written
files. A reader queries the published generation all the while and must get whole answers. Leave the
checkout unchanged meanwhile, because the version of the code is part of the compared rows.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from support.faults.harness import (
    Job,
    Place,
    as_lines,
    differences,
    leftovers,
    run_job,
    trouble,
    watching,
)
from support.faults.kills import Undisturbed, kill_at

from rossmann_ml.recovery import examine, repair
from rossmann_ml.serving.generations import POINTER_NAME, current_path
from rossmann_ml.warehouse import connection as warehouse

KILLS_IN_A_ROUND = 8
_NOBODY = 65534


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each round."""
    if "round_number" in metafunc.fixturenames:
        metafunc.parametrize("round_number", range(metafunc.config.getoption("--rounds")))


@contextmanager
def whole_answers(place: Place) -> Iterator[None]:
    """Fail when a reader meanwhile gets an error or a mixed answer."""
    with watching(place) as watch:
        yield
    assert watch.faults == []


def assert_as_undisturbed(place: Place, undisturbed: Undisturbed, *, code: int) -> None:
    """Compare a place with an undisturbed run, and check that nothing is left over."""
    assert code == 0, place.log_path.read_text()
    assert differences(place, undisturbed.contents) == []
    assert leftovers(place) == []
    assert as_lines(trouble(place)) == []


def error_of(place: Place, code: int) -> str:
    """Return the message of a job that must have ended with an error and no traceback."""
    assert code != 0
    lines = place.log_path.read_text(encoding="utf-8").splitlines()
    assert not any(line.startswith("Traceback") for line in lines)
    return [line for line in lines if line.startswith(("error:", "stopped"))][-1]


def test_a_job_killed_at_random_moments_loses_nothing(
    round_number: int, place: Place, undisturbed: Undisturbed, pytestconfig: pytest.Config
) -> None:
    draw = random.Random(f"round {round_number} {pytestconfig.getoption('--seed')}")
    durations = undisturbed.durations
    with whole_answers(place):
        for _ in range(KILLS_IN_A_ROUND):
            step = draw.choice(sorted(durations))
            kill = kill_at(place, step, seconds=draw.uniform(0, durations[step]))
            print(kill or f"not hit: step {step}")  # pytest shows it when the test fails
        code = run_job(place)
    assert_as_undisturbed(place, undisturbed, code=code)


def test_a_second_refresh_is_refused(place: Place, undisturbed: Undisturbed) -> None:
    with whole_answers(place):
        first = Job(place)
        first.wait_for(1, ended=False)
        # of the same warehouse, with a log of its own
        second, settings = Place(place.folder / "second", place.raw), place.settings
        second.folder.mkdir()
        code = Job(
            second,
            ROSSMANN_RAW_DIR=str(settings.raw_dir),
            ROSSMANN_INCOMING_DIR=str(settings.incoming_dir),
            ROSSMANN_WAREHOUSE_DIR=str(settings.warehouse_dir),
            ROSSMANN_STATE_DIR=str(settings.state_dir),
            ROSSMANN_PARAMS_FILE=str(settings.params_file),
            ROSSMANN_LOCK_TIMEOUT_SECONDS="0.5",
        ).wait()
        assert "another process is writing" in error_of(second, code)
        first_code = first.wait()
    assert_as_undisturbed(place, undisturbed, code=first_code)


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))


def test_files_limited_to_3_mb_as_by_a_quota(place: Place, undisturbed: Undisturbed) -> None:
    with whole_answers(place):
        assert "make room" in error_of(place, Job(place, prepare=_small_files).wait())
        code = run_job(place)
    assert_as_undisturbed(place, undisturbed, code=code)


@pytest.fixture
def small_disk(place: Place) -> Iterator[Place]:
    """The place on a disk with 2.5 MB of room."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    size = sum(path.stat().st_size for path in place.folder.rglob("*") if path.is_file())
    moved = place.folder.rename(place.folder.with_name(f"{place.folder.name}-moved"))
    place.folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size + 2_500_000}", "tmpfs", str(place.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        if mounted.returncode != 0:
            pytest.skip(f"no small disk can be mounted: {mounted.stderr.strip()}")
        Place(moved, place.raw).copy_into(place.folder)
        yield place
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(place.folder)], check=False)
        shutil.rmtree(moved)


def test_the_disk_runs_full_and_has_room_again(small_disk: Place, undisturbed: Undisturbed) -> None:
    with whole_answers(small_disk):
        assert "make room" in error_of(small_disk, run_job(small_disk))
        subprocess.run(["mount", "-o", "remount,size=2g", str(small_disk.folder)], check=True)
        code = run_job(small_disk)
    assert_as_undisturbed(small_disk, undisturbed, code=code)


def _as_nobody() -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def test_the_warehouse_folder_is_read_only(place: Place, undisturbed: Undisturbed) -> None:
    prepare: Callable[[], None] | None = None
    settings = place.settings
    if os.geteuid() == 0:
        prepare = _as_nobody  # root may write everywhere
        for folder in place.folder.parents:
            if folder.stat().st_mode & 0o005 != 0o005:
                pytest.skip(f"{folder} is closed to other users")
        for path in (settings.state_path, *settings.state_path.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
    paths = (settings.warehouse_path, *settings.warehouse_path.rglob("*"))
    modes = {path: path.stat().st_mode for path in paths}
    place.log_path.write_text("")
    place.log_path.chmod(0o666)
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        with whole_answers(place):
            code = Job(place, prepare=prepare).wait()
            assert "Permission denied" in error_of(place, code)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert_as_undisturbed(place, undisturbed, code=run_job(place))


def test_forecasts_do_not_need_mlflows_server(place: Place, undisturbed: Undisturbed) -> None:
    lost = place.settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9"})
    with whole_answers(place):
        code = run_job(place, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
        assert "MLflow" in [each.subject for each in examine(lost)]
    assert_as_undisturbed(place, undisturbed, code=code)


def test_a_damaged_generation_is_replaced(place: Place, undisturbed: Undisturbed) -> None:
    assert_as_undisturbed(place, undisturbed, code=run_job(place))
    current = current_path(place.settings.published_path)
    current.chmod(0o644)
    with current.open("r+b") as stream:
        stream.seek(4096)
        stream.write(os.urandom(current.stat().st_size // 2))
    assert any("CURRENT" in done for done in repair(place.settings))
    with whole_answers(place):  # from the previous generation, until the job has rebuilt this one
        code = run_job(place)
    assert_as_undisturbed(place, undisturbed, code=code)


def test_a_truncated_pointer_is_repaired(place: Place, undisturbed: Undisturbed) -> None:
    (place.settings.published_path / POINTER_NAME).write_text("0123")
    assert any("CURRENT" in done for done in repair(place.settings))
    with whole_answers(place):
        code = run_job(place)
    assert_as_undisturbed(place, undisturbed, code=code)


def test_a_truncated_model_is_fetched_from_its_copy(place: Place, undisturbed: Undisturbed) -> None:
    (trees,) = place.settings.models_path.glob("*/lightgbm.txt")
    os.truncate(trees, trees.stat().st_size // 2)
    with whole_answers(place):
        code = run_job(place)
    assert_as_undisturbed(place, undisturbed, code=code)


def test_a_damaged_record_of_runs_is_moved_aside(place: Place, undisturbed: Undisturbed) -> None:
    for path in (place.settings.state_path / "dagster").rglob("*.db"):
        path.write_bytes(b"no database" * 1000)
    with whole_answers(place):
        assert "is damaged" in error_of(place, run_job(place))
        assert any("Dagster" in done for done in repair(place.settings))
        code = run_job(place)
    assert_as_undisturbed(place, undisturbed, code=code)


def test_a_clock_set_back_by_a_year_is_noticed(place: Place, undisturbed: Undisturbed) -> None:
    ahead = warehouse.utc_now() + timedelta(days=365)
    with warehouse.connect(place.settings) as connection:
        ((before,),) = connection.execute("SELECT max(loaded_at) FROM raw.loads").fetchall()
        connection.execute("UPDATE raw.loads SET loaded_at = ?", [ahead])
    with whole_answers(place):
        code = run_job(place)
        assert "clock" in [each.subject for each in examine(place.settings)]
    with warehouse.connect(place.settings) as connection:
        connection.execute(
            "UPDATE raw.loads SET loaded_at = ? WHERE loaded_at = ?", [before, ahead]
        )
    assert_as_undisturbed(place, undisturbed, code=code)
