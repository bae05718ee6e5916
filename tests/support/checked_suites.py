"""Tables in memory that pass every expectation, and the checks of a suite on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
import pytest

from rossmann_ml.quality import load_suite, read_checked_frame
from rossmann_ml.quality.great_expectations_session import check_frames
from rossmann_ml.quality.results import SuiteResult
from support.quality_tables import TODAY, make_good_tables


@pytest.fixture(scope="module")
def good_tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return tables that pass every expectation; shared by the tests of a file."""
    with duckdb.connect(":memory:") as connection:
        make_good_tables(connection)
        yield connection


@pytest.fixture
def tables(good_tables) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return the valid tables; changes by a test are undone."""
    good_tables.execute("BEGIN")
    yield good_tables
    good_tables.execute("ROLLBACK")


def check_frame(suite: str, frame: pd.DataFrame) -> SuiteResult:
    """Check one frame without storing the results in the warehouse."""
    with TemporaryDirectory() as folder:
        (result,) = check_frames(
            [(load_suite(suite), frame)],
            run_id="unsaved",
            folder=Path(folder),
            pages=Path(folder, "pages"),
            address="",
        )
    return result


def rows_of(connection: duckdb.DuckDBPyConnection, suite: str) -> pd.DataFrame:
    """Return the frame that a suite checks."""
    return read_checked_frame(connection, load_suite(suite), today=TODAY, horizon_days=42)


def failed_checks(connection: duckdb.DuckDBPyConnection, suite: str) -> set[str]:
    """Return the names of the expectations that the tables fail."""
    result = check_frame(suite, rows_of(connection, suite))
    return {check.name for check in [*result.failed_errors, *result.failed_warnings]}
