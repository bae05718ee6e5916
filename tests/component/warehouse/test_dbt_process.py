"""dbt is loaded once for several commands, and ends with the process that asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rossmann_ml.base.errors import FaultError
from rossmann_ml.warehouse import dbt_child, dbt_process
from rossmann_ml.warehouse.dbt_process import DbtProcess, dbt_at_hand

_JOB = """
import os, sys
from pathlib import Path
from rossmann_ml.warehouse.dbt_process import DbtProcess

process = DbtProcess()
print(process.pid, flush=True)
process.run(["parse"], environment=dict(os.environ), folder=Path(sys.argv[1]))
"""


def environment() -> dict[str, str]:
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    return {**os.environ, **quiet, "DBT_PROFILES_DIR": "."}


@pytest.fixture(autouse=True)
def _nothing_is_loaded_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have dbt loaded in this process."""
    monkeypatch.setattr(dbt_process, "_loaded", None)


@pytest.fixture
def process() -> Iterator[DbtProcess]:
    made = DbtProcess()
    yield made
    made.close()


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A folder in which every dbt command waits for ever: its project file is a pipe."""
    os.mkfifo(tmp_path / "dbt_project.yml")
    return tmp_path


def is_over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_over(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while left := [pid for pid in pids if not is_over(pid)]:
        assert time.monotonic() < deadline, f"{left} outlived what started it"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    deadline = time.monotonic() + 60
    while not (found := psutil.Process(pid).children()):
        assert time.monotonic() < deadline, f"{pid} started nothing"
        time.sleep(0.05)
    return [each.pid for each in found]


def test_commands_are_answered_one_after_another_by_the_same_process(
    process: DbtProcess, tmp_path: Path
) -> None:
    first = process.run(["--version"], environment=environment(), folder=tmp_path)
    assert (first.returncode, "Core:" in first.output) == (0, True)
    second = process.run(["parse"], environment=environment(), folder=tmp_path)
    assert second.returncode == 2
    assert "dbt_project.yml" in second.output
    assert process.is_usable


def test_a_command_has_the_environment_it_is_given_and_no_other(
    process: DbtProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "name: small\nversion: '1'\nprofile: \"{{ env_var('WHO') }}\"\n"
    )
    monkeypatch.setenv("WHO", "whoever_started_it")
    given = {**environment(), "WHO": "the_caller"}
    assert "the_caller" in process.run(["parse"], environment=given, folder=tmp_path).output
    del given["WHO"]
    assert "WHO" in process.run(["parse"], environment=given, folder=tmp_path).output
    assert os.environ["WHO"] == "whoever_started_it"


def test_within_a_block_dbt_is_started_once(tmp_path: Path) -> None:
    with dbt_at_hand() as outer:
        with dbt_at_hand() as inner:
            assert inner is outer
            done = inner.run(["--version"], environment=environment(), folder=tmp_path)
            assert done.returncode == 0
        assert outer.is_usable
    assert not outer.is_usable


def test_a_process_that_died_is_replaced(tmp_path: Path) -> None:
    with dbt_at_hand() as first:
        os.kill(first.pid, signal.SIGKILL)
        wait_until_over([first.pid])
        with dbt_at_hand() as second:
            assert second is not first
            done = second.run(["--version"], environment=environment(), folder=tmp_path)
            assert done.returncode == 0


def test_a_process_that_dies_at_work_is_told_of_and_takes_dbt_with_it(
    process: DbtProcess, endless: Path
) -> None:
    found: list[int] = []

    def kill() -> None:
        found.extend(children(process.pid))
        os.kill(process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(FaultError, match="ended with -9 before dbt parse was done"):
        process.run(["parse"], environment=environment(), folder=endless)
    killer.join()
    wait_until_over(found)


def test_a_dbt_that_was_killed_is_told_by_its_signal(process: DbtProcess, endless: Path) -> None:
    def kill() -> None:
        for child in children(process.pid):
            os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    done = process.run(["parse"], environment=environment(), folder=endless)
    killer.join()
    assert done.returncode == -signal.SIGKILL
    assert process.is_usable


def test_dbt_is_gone_when_its_job_was_killed(endless: Path) -> None:
    job = subprocess.Popen(
        [sys.executable, "-c", _JOB, str(endless)], stdout=subprocess.PIPE, text=True
    )
    assert job.stdout is not None
    server = int(job.stdout.readline())
    dbt = children(server)
    os.kill(job.pid, signal.SIGKILL)
    job.communicate()
    wait_until_over([server, *dbt])


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """As at a terminal; whoever runs the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_a_dbt_that_nobody_waits_for_is_ended(process: DbtProcess, endless: Path) -> None:
    def interrupt() -> None:
        found.extend(children(process.pid))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    found: list[int] = []
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        process.run(["parse"], environment=environment(), folder=endless)
    interrupter.join()
    wait_until_over([process.pid, *found])


def test_dbt_does_not_begin_when_its_job_is_gone_already() -> None:
    with pytest.raises(SystemExit, match="the process 1234567 that started dbt is gone"):
        dbt_child.end_with(1234567)
