"""Reading what a suite checks: its query over the pipeline's database, as a pandas frame.

Great Expectations checks pandas frames; it has no engine for DuckDB. The queries do what SQL does
faster (newest versions, figures about a whole table); the expectations judge.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import duckdb

from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.quality.suite_files import Suite, load_suite
from rossmann_ml.warehouse.connection import one_row

if TYPE_CHECKING:
    import pandas as pd


def read_checked_frame(
    connection: duckdb.DuckDBPyConnection,
    suite: str,
    *,
    today: date,
    forecast_origin: date | None = None,
) -> pd.DataFrame:
    """Read what a suite checks.

    Args:
        connection: The pipeline's database.
        suite: One of :data:`rossmann_ml.quality.SUITES`.
        today: The product's day; sales dated later are judged wrong.
        forecast_origin: The origin whose plan, features and forecasts are read; the newest when
            not given.

    Returns:
        The rows of the table with the columns of the suite's query: the row's own, then figures
        about the whole table that repeat on every row.

    Raises:
        NoDataError: A table of the query is not there yet, or there is no row to check.
        RefusedError: A table lacks a column that the query reads, or its values do not fit.
    """
    loaded = load_suite(suite)
    parameters = {"today": today, "forecast_origin": forecast_origin}
    used = {name: value for name, value in parameters.items() if f"${name}" in loaded.query}
    try:
        frame: pd.DataFrame = connection.execute(loaded.query, used).df()
    except duckdb.CatalogException as error:
        raise NoDataError(
            f"suite {suite}: {_first_line(error)}; {loaded.table} is made by `rossmann refresh`"
        ) from error
    except (duckdb.BinderException, duckdb.ConversionException) as error:
        raise RefusedError(
            f"suite {suite}: {loaded.table} or a table beside it is not of the form that the check "
            f"reads: {_first_line(error)}"
        ) from error
    if frame.empty:
        of_origin = f" of forecast origin {forecast_origin}" if forecast_origin else ""
        raise NoDataError(f"suite {suite}: {loaded.table} has no rows{of_origin}")
    return frame


def has_rows(connection: duckdb.DuckDBPyConnection, suite: Suite) -> bool:
    """Whether the table of a suite is there and has a row."""
    try:
        # the name comes from a suite file of the package, not from a person
        return one_row(connection, f"SELECT 1 FROM {suite.table} LIMIT 1") is not None  # noqa: S608
    except duckdb.CatalogException:
        return False


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
