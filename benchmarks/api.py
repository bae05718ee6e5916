"""Measure the speed of the API, compared with an empty answer of the same server in the same run.

``python -m benchmarks.api`` serves the published generation of ``ROSSMANN_WAREHOUSE_DIR`` with one
worker. ``wrk`` requests with 8 connections on the same machine: 42 days of a store, and an empty
answer. They take turns, because the load of the machine changes. What-if requests one after
another, and the memory of the worker, follow.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

CONNECTIONS = 8
ENDPOINTS = {
    "one store's 42 days": "/stores/1/forecast",
    "peer: an empty answer": "/empty",
}


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Run the API with its peers; yield its address and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "ROSSMANN_STATE_DIR": state, "MALLOC_ARENA_MAX": "2"}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.api_peers", "--port", str(port)], env=environment
        )
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 240
            while not is_ready(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(
                        "the server did not become ready; is anything published in "
                        "ROSSMANN_WAREHOUSE_DIR? `make run` publishes"
                    )
                time.sleep(0.1)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def is_ready(address: str) -> bool:
    """Return whether the API is ready for forecasts and what-if requests."""
    try:
        return httpx.get(f"{address}/ready", timeout=30).json().get("what_if") == "ready"
    except httpx.TransportError:
        return False


def wrk(address: str, seconds: int) -> tuple[float, float, float]:
    """Return requests a second, and the 50th and 99th percentile of latency in milliseconds."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", address],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in done:
        sys.exit(f"{address} refused requests:\n{done}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done)
    latency = dict(re.findall(r"(50|99)%\s+([\d.]+(?:us|ms|s))", done))
    assert rate is not None
    p50, p99 = (1000 * pd.Timedelta(latency[share]).total_seconds() for share in ("50", "99"))
    return float(rate[1]), p50, p99


def ask(client: httpx.Client, path: str, body: dict, times: int) -> list[float]:
    """Return the milliseconds of each of several requests, one after another."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        client.post(path, json=body).raise_for_status()
        taken.append(1000 * (time.perf_counter() - started))
    return taken


def memory_mb(process_id: int) -> tuple[float, float]:
    """Return the resident memory of a process and its peak, in MB."""
    status = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8")
    found = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status))
    return int(found["VmRSS"]) / 1000, int(found["VmHWM"]) / 1000


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("the load tool wrk is needed; Debian: apt-get install wrk")
    console = Console(highlight=False)
    with server() as (address, process_id), httpx.Client(base_url=address, timeout=120) as client:
        before, _ = memory_mb(process_id)
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ENDPOINTS}
        for _ in range(arguments.turns):
            for name, path in ENDPOINTS.items():
                found[name].append(wrk(address + path, arguments.seconds))
        table = Table(title=f"1 worker, {CONNECTIONS} connections, median of {arguments.turns}")
        for column in ("endpoint", "requests a second", "p50 ms", "p99 ms"):
            table.add_column(column, justify="left" if column == "endpoint" else "right")
        medians = {}
        for name, turns in found.items():
            figures = [statistics.median(turn[number] for turn in turns) for number in range(3)]
            medians[name] = figures[0]
            table.add_row(name, f"{figures[0]:,.0f}", f"{figures[1]:.2f}", f"{figures[2]:.2f}")
        console.print(table)
        ours, empty = medians.values()
        console.print(f"{ours / empty:.0%} of the rate of an empty answer")

        ask(client, "/predict", {"store_id": 1}, 5)
        promo = {"store_id": 1, "changes": [change(client)]}
        one = ask(client, "/predict", promo, 100)
        every = ask(client, "/predict_batch", {}, 3)
        after, highest = memory_mb(process_id)
        p50, p99 = np.quantile(one, [0.5, 0.99])
        console.print(f"POST /predict: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        console.print(f"POST /predict_batch, all stores, 42 days: {min(every) / 1000:.2f} s")
        console.print(
            f"memory of the worker: {before:.0f} MB when ready, {after:.0f} MB afterwards, "
            f"{highest:.0f} MB at its highest"
        )


def change(client: httpx.Client) -> dict:
    """Return a what-if change: a promotion in the first week."""
    days = client.get("/stores/1/forecast", params={"days": 7}).json()["days"]
    first, last = days[0]["target_date"], days[-1]["target_date"]
    return {"first_date": first, "last_date": last, "is_promo": True}


if __name__ == "__main__":
    main()
