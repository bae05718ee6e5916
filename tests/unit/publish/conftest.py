"""A sound generation for the tests of the audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny_generation import tiny_warehouse, write_tiny_generation


@pytest.fixture(scope="session")
def sound_generation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A generation without a fault, and the rows of its tables; no test may change it."""
    path = tmp_path_factory.mktemp("sound") / "0123456789ab.duckdb"
    with tiny_warehouse() as connection:
        return path, write_tiny_generation(connection, path)
