"""A warehouse in memory, one for all tests, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import empty, land, memory_warehouse
from support.retailer import STORE_HEADER, STORE_LINES, text


@pytest.fixture(scope="session")
def memory_database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_warehouse() as connection:
        yield connection


@pytest.fixture
def warehouse(memory_database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Nothing landed yet; the public holidays may be there already."""
    empty(memory_database)
    return memory_database


@pytest.fixture
def with_stores(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """The stores 1 to 3 landed, as load 1."""
    land(warehouse, tmp_path / "store.csv", text(STORE_HEADER, STORE_LINES))
    return warehouse
