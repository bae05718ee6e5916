"""Fixture of a valid generation for the tests of the audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny_generation import tiny_warehouse, write_tiny_generation


@pytest.fixture(scope="session")
def sound_generation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """Return a generation that passes the audit and its row counts; read-only for tests."""
    path = tmp_path_factory.mktemp("sound") / "0123456789ab.duckdb"
    with tiny_warehouse() as connection:
        return path, write_tiny_generation(connection, path)
