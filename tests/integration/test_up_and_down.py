"""``rossmann up`` with its four servers: all become healthy, share one log and end together.

See tests/component/pipeline/test_services.py for a server that dies.
"""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest
from support.servers import ROSSMANN, environment, free_port
from support.unmeasured import UNMEASURED

from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration

pytestmark = pytest.mark.integration

PATHS = {
    "api": "/health", "dashboard": "/_stcore/health", "mlflow": "/health",
    "dagster": "/server_info",
}  # fmt: skip
_PATIENCE_SECONDS = 240


def test_four_servers_answer_until_they_are_stopped(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> None:
    settings, _ = shared_published
    ports = {name: free_port() for name in PATHS}
    options = [part for name in PATHS for part in (f"--{name}-port", str(ports[name]))]
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [ROSSMANN, "up", *options],
            env={
                **environment(settings.warehouse_path),
                **UNMEASURED,
                "ROSSMANN_STATE_DIR": str(tmp_path / "state"),
            },
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_line(process, log, "all services are healthy")
        for name, path in PATHS.items():
            address = f"http://127.0.0.1:{ports[name]}"
            assert address in log.read_text()
            assert httpx.get(f"{address}{path}", timeout=30).status_code == 200
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= len(PATHS)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        gone, alive = psutil.wait_procs(started, timeout=10)
        assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
        assert len(gone) + len(alive) == len(started)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=60)


def wait_for_line(process: subprocess.Popen[bytes], log: Path, line: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while line not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
