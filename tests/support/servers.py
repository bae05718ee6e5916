"""Run the servers of the product as processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

ROSSMANN = Path(sys.executable).with_name("rossmann")
_PATIENCE_SECONDS = 90
_PATIENCE_SECONDS_UP = 300


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(warehouse_dir: Path) -> dict[str, str]:
    """Return the environment of a command on the warehouse of a test."""
    return {**os.environ, "ROSSMANN_WAREHOUSE_DIR": str(warehouse_dir)}


@contextmanager
def serving(command: str, warehouse_dir: Path, *, ready: str, log: Path) -> Iterator[str]:
    """Run ``rossmann api`` or ``rossmann dashboard`` on a free port; yield its address."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROSSMANN), command, "--port", str(port)],
            env=environment(warehouse_dir),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(process, f"{address}{ready}", log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def up(service: str, state_dir: Path) -> Iterator[str]:
    """Run ``rossmann up`` with one service on a free port; yield its address.

    Args:
        service: ``mlflow`` or ``dagster``.
        state_dir: State folder; the log of the services is next to it.
    """
    port = free_port()
    log = state_dir.with_name(f"{service}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROSSMANN), "up", service, f"--{service}-port", str(port)],
            env={
                **environment(state_dir.with_name("warehouse")),
                "ROSSMANN_STATE_DIR": str(state_dir),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS_UP
        while "all services are healthy" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def listener_of(address: str) -> int:
    """Return the number of the process that listens at an address."""
    port = int(address.rpartition(":")[2])
    (listening,) = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    return int(listening)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}: {log.read_text()}")
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(
        f"no answer from {url} in {_PATIENCE_SECONDS} s: {log.read_text()[-3000:]}"
    )
