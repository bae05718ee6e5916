"""Run the servers of the product as processes."""

from __future__ import annotations

import os
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
