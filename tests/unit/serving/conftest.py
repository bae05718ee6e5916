"""Fixtures of what-if forecasts: a generation in memory, and scenarios loaded from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.what_if_world import NAME, RecordingBundle, publish

from rossmann_ml.models.bundle import Bundle
from rossmann_ml.serving import generations
from rossmann_ml.serving.what_if import Scenarios


@pytest.fixture(scope="module")
def generation() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a generation in memory, which every path opens."""
    with pytest.MonkeyPatch.context() as patch, duckdb.connect(NAME) as connection:
        publish(connection)
        patch.setattr(generations, "open_generation", lambda path: duckdb.connect(NAME))
        patch.setattr(Bundle, "load", lambda *_, **__: RecordingBundle())
        yield connection


@pytest.fixture(scope="module")
def scenarios(generation: duckdb.DuckDBPyConnection) -> Scenarios:
    return Scenarios.load(Path("generation"), Path("models"), threads=1)
