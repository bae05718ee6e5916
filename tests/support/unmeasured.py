"""Processes whose coverage is not measured.

Measuring makes them a third slower. dbt runs none of our code but the few lines that start it, and
whole commands run what other tests measure in their own process.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rossmann_ml import dbt
from rossmann_ml.settings import Settings

UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""To be added to the environment of a process."""


@pytest.fixture(scope="session", autouse=True)
def _dbt_is_not_measured() -> Iterator[None]:
    own = dbt.dbt_environment

    def environment(settings: Settings, *, unit_tests: bool = False) -> dict[str, str]:
        return {**own(settings, unit_tests=unit_tests), **UNMEASURED}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dbt, "dbt_environment", environment)
        yield
