"""Provide a warehouse in memory with the raw tables, for tests without a warehouse file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import pytest

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings, load_settings
from rossmann_ml.ingest.discovery import recognise
from rossmann_ml.ingest.file_load import FileLanding, land_file
from rossmann_ml.warehouse.schema import DDL_DIR
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw
from support.retailer import STORE_HEADER, STORE_LINES, text


@contextmanager
def memory_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in memory with the tables of raw and forecasting."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for schema in ("01_raw.sql", "02_forecasting.sql"):
            connection.execute((DDL_DIR / schema).read_text(encoding="utf-8"))
        yield connection


def empty(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete all landed rows but the public holidays of 2015 and 2016, which are slow to build."""
    tables = ("data_set", "loads", "data_versions", "quarantined_rows")
    for table in (*(f"raw.{each}" for each in tables), *raw.KEYS):
        connection.execute(f"DELETE FROM {table}")
    for table in raw.KEYS:
        connection.execute(f"DELETE FROM {table.replace('raw.', 'raw.former_')}")
    connection.execute("DELETE FROM raw.public_holidays WHERE year(date) NOT IN (2015, 2016)")


def all_rows(table: str) -> str:
    """Return SQL for the rows of a raw table in force and those that are not, such as ``sales``."""
    return f"(FROM raw.{table} UNION ALL BY NAME FROM raw.former_{table})"


@cache
def settings_as_of(day: date | None) -> Settings:
    """Return settings with a given business date; None means that the data decide."""
    return load_settings(as_of=day, raw_dir=Path("no-raw"), incoming_dir=Path("no-incoming"))


@cache
def _shipped_params() -> Params:
    return load_params(PROJECT_DIR / "params.yaml")


def params_allowing(bad_share: float) -> Params:
    """Return the product's parameters with another allowed share of bad rows."""
    params = _shipped_params()
    ingest = params.ingest.model_copy(update={"max_quarantined_share": bad_share})
    return params.model_copy(update={"ingest": ingest})


class OpenSession(Session):
    """A session that writes an open connection in memory, without the writer's lock."""

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield the open connection and leave it open."""
        assert self._connection is not None
        yield self._connection


def session_on(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Session:
    """Return a session that reads and writes an open connection."""
    session = OpenSession(settings, _shipped_params())
    session._connection = connection
    return session


def land(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    content: str | None = None,
    *,
    today: date | None = None,
    bad_share: float = 1.0,
    accepted_by: str | None = None,
) -> FileLanding:
    """Write the file if there is content, and land it on a given business date."""
    if content is not None:
        path.write_text(content, encoding="utf-8")
    raw_file = recognise(path)
    assert raw_file is not None
    session = Session(settings_as_of(today), params_allowing(bad_share))
    return land_file(session, connection, raw_file, accepted_by=accepted_by)


@pytest.fixture(scope="session")
def memory_database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_warehouse() as connection:
        yield connection


@pytest.fixture
def warehouse(memory_database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return an empty warehouse; the public holidays may be there already."""
    empty(memory_database)
    return memory_database


@pytest.fixture
def with_stores(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """Return a warehouse with the stores 1 to 3, landed as load 1."""
    land(warehouse, tmp_path / "store.csv", text(STORE_HEADER, STORE_LINES))
    return warehouse
