"""Read the rows that a suite checks into a pandas frame, by its query on the pipeline's database.

Entry point: :func:`read_checked_frame`. Great Expectations has no engine for DuckDB, so it checks
pandas frames. The queries select the newest version of each row and compute figures about whole
tables.
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
    """Read the rows that a suite checks.

    Args:
        connection: Connection to the pipeline's database.
        suite: Name of a suite, one of :data:`rossmann_ml.quality.SUITES`.
        today: Business date; sales dated later fail their check.
        forecast_origin: Origin whose plan, features and forecasts are read; None for the newest.

    Returns:
        Rows that the suite's query returns. Figures about the whole table are columns with the
        same value on every row.

    Raises:
        NoDataError: A table of the query does not exist yet, or there is no row to check.
        RefusedError: A table lacks a column that the query reads, or a value has another type.
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
            f"suite {suite}: {loaded.table}, or another table of its query, does not have the "
            f"columns that the check reads: {_first_line(error)}"
        ) from error
    if frame.empty:
        of_origin = f" of forecast origin {forecast_origin}" if forecast_origin else ""
        raise NoDataError(f"suite {suite}: {loaded.table} has no rows{of_origin}")
    return frame


def has_rows(connection: duckdb.DuckDBPyConnection, suite: Suite) -> bool:
    """Return whether the table of a suite exists and has a row."""
    try:
        # the name comes from a suite file of the package, not from user input
        return one_row(connection, f"SELECT 1 FROM {suite.table} LIMIT 1") is not None  # noqa: S608
    except duckdb.CatalogException:
        return False


def _first_line(error: Exception) -> str:
    """Return the first line of an error message."""
    return str(error).splitlines()[0]
