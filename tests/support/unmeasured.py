"""Processes whose coverage is not measured.

Measuring makes them a third slower. dbt runs none of our code but the few lines that start it, and
whole commands run what other tests measure in their own process. dbt is also loaded once for all
tests, as it is for all steps of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from rossmann_ml.warehouse import dbt
from rossmann_ml.warehouse.dbt_process import DbtProcess, dbt_at_hand

UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""To be added to the environment of a process."""


@pytest.fixture(scope="session", autouse=True)
def _dbt_is_loaded_once_and_not_measured() -> Iterator[None]:
    with ExitStack() as to_the_end, pytest.MonkeyPatch.context() as patched:

        @contextmanager
        def to_the_end_of_the_tests() -> Iterator[DbtProcess]:
            with pytest.MonkeyPatch.context() as unmeasured:
                for name, value in UNMEASURED.items():
                    unmeasured.setenv(name, value)
                process = to_the_end.enter_context(dbt_at_hand())
            yield process

        patched.setattr(dbt, "dbt_at_hand", to_the_end_of_the_tests)
        yield
