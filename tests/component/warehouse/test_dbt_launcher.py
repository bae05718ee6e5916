"""dbt runs in a process of its own, which ends together with the process that started it."""

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

from rossmann_ml.warehouse import dbt_launcher
from rossmann_ml.warehouse.dbt import start_dbt

_JOB = """
import os, sys
from pathlib import Path
from rossmann_ml.warehouse.dbt import start_dbt

start_dbt(["parse"], environment=dict(os.environ), folder=Path(sys.argv[1]))
"""


def environment() -> dict[str, str]:
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    return {**os.environ, **quiet, "DBT_PROFILES_DIR": "."}


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A folder in which every dbt command waits for ever: its project file is a pipe."""
    os.mkfifo(tmp_path / "dbt_project.yml")
    return tmp_path


def is_over(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_over(process: psutil.Process) -> None:
    deadline = time.monotonic() + 60
    while not is_over(process):
        assert time.monotonic() < deadline, f"{process} outlived what started it"
        time.sleep(0.05)


def dbt_of(pid: int) -> psutil.Process:
    """Wait until a process has started dbt, and dbt is loaded."""
    deadline = time.monotonic() + 60
    while True:
        for process in psutil.Process(pid).children():
            if any("dbt_extractor" in each.path for each in process.memory_maps()):
                return process
        assert time.monotonic() < deadline, f"{pid} started no dbt"
        time.sleep(0.05)


def test_a_command_has_the_environment_it_is_given_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "name: small\nversion: '1'\nprofile: \"{{ env_var('CALLER') }}\"\n"
    )
    monkeypatch.setenv("CALLER", "parent_environment")
    given = {**environment(), "CALLER": "given_environment"}
    done = start_dbt(["parse"], environment=given, folder=tmp_path)
    assert done.returncode == 2
    assert "given_environment" in done.stdout
    del given["CALLER"]
    assert "'CALLER'" in start_dbt(["parse"], environment=given, folder=tmp_path).stdout


def test_a_killed_dbt_is_reported_by_its_signal(endless: Path) -> None:
    killer = threading.Thread(target=lambda: dbt_of(os.getpid()).kill())
    killer.start()
    done = start_dbt(["parse"], environment=environment(), folder=endless)
    killer.join()
    assert done.returncode == -signal.SIGKILL


def test_dbt_is_gone_when_its_job_was_killed(endless: Path) -> None:
    job = subprocess.Popen([sys.executable, "-c", _JOB, str(endless)])
    dbt = dbt_of(job.pid)
    job.kill()
    job.wait()
    wait_until_over(dbt)


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """Handle SIGINT as at a terminal; test runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_an_interrupted_wait_ends_dbt(endless: Path) -> None:
    found: list[psutil.Process] = []

    def interrupt() -> None:
        found.append(dbt_of(os.getpid()))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        start_dbt(["parse"], environment=environment(), folder=endless)
    interrupter.join()
    wait_until_over(found[0])


def test_dbt_does_not_begin_when_its_job_is_gone_already() -> None:
    with pytest.raises(SystemExit, match="the process 1234567 that started dbt is gone"):
        dbt_launcher.end_with(1234567)
