"""Run Schemathesis as a command against a server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx

from rossmann_ml.base.settings import PROJECT_DIR

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def fuzz(address: str, *, examples: int) -> subprocess.CompletedProcess[str]:
    """Send valid and invalid requests to every operation and compare answers with the document.

    Args:
        address: Address of the server.
        examples: Number of random cases per operation, in addition to the systematic ones.
    """
    stores = httpx.get(f"{address}/stores", params={"is_forecast": True}).json()["rows"]
    ready = httpx.get(f"{address}/stores/{stores[0]['store_id']}/forecast").json()
    return subprocess.run(
        [
            SCHEMATHESIS, "--config-file", PROJECT_DIR / "schemathesis.toml", "run",
            f"{address}/openapi.json", "--max-examples", str(examples), "--seed", "7",
            "--phases", "examples,coverage,fuzzing", "--no-color", "--generation-database", "none",
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR / "tests"),
            "SCHEMATHESIS_HOOKS": "support.fuzz_hooks",
            "ROSSMANN_FUZZ_FIRST_DAY": ready["days"][0]["target_date"],
            "ROSSMANN_FUZZ_STORES": str(len(stores)),
        },
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=3600,
    )  # fmt: skip
