"""A warehouse in memory with the pipeline's tables, for tests that write no warehouse file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import duckdb

from rossmann_ml.schema import DDL_DIR
from rossmann_ml.settings import Settings, load_settings


@contextmanager
def memory_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in memory with the tables of schema ``raw``."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute((DDL_DIR / "01_raw.sql").read_text(encoding="utf-8"))
        yield connection


def settings_as_of(day: date | None) -> Settings:
    """Settings whose today is a given day, or what the data say."""
    return load_settings(as_of=day)
