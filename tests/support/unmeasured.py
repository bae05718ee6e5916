"""Processes whose coverage is not measured.

Measuring makes them a third slower. dbt runs none of our code but its launcher, and whole commands
run code that other tests measure in their own process.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from rossmann_ml.warehouse import dbt

UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""Variables that switch measuring off, for the environment of a process."""


@pytest.fixture(scope="session", autouse=True)
def _dbt_is_not_measured() -> Iterator[None]:
    start = dbt.start_dbt

    def start_unmeasured(
        arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        return start(arguments, environment={**environment, **UNMEASURED}, folder=folder)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dbt, "start_dbt", start_unmeasured)
        yield
