"""dbt ends with the job that started it, so that no dbt writes beside the next job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from rossmann_ml import dbt_child

_JOB = """
import os, subprocess, sys
child = "import os, sys, time; from rossmann_ml.dbt_child import end_with; " \\
    "end_with(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(600)"
subprocess.run([sys.executable, "-c", child, str(os.getpid())])
"""


def test_dbt_is_gone_when_its_job_was_killed() -> None:
    job = subprocess.Popen([sys.executable, "-c", _JOB], stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    child = int(job.stdout.readline())
    assert psutil.pid_exists(child)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it outlived the job"
        time.sleep(0.05)


def test_dbt_does_not_begin_when_its_job_is_gone_already() -> None:
    with pytest.raises(SystemExit, match="the process 1234567 that started dbt is gone"):
        dbt_child.end_with(1234567)


def test_dbt_gets_the_arguments_after_the_jobs_number() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rossmann_ml.dbt_child", str(os.getpid()), "--version"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    assert "Core:" in done.stdout
