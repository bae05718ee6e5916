"""Run suites on the pipeline's database, and store the results as rows and Data Docs pages.

Entry points: :func:`run_suites`, :func:`available_suites`. Great Expectations has no engine for
DuckDB, so it checks pandas frames; see :func:`read_checked_frame`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import duckdb

from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.quality.results import SuiteResult, store_results
from rossmann_ml.quality.suite_files import SUITES, Suite, load_suite
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import count_rows, require_database
from rossmann_ml.warehouse.session import Session

if TYPE_CHECKING:
    import pandas as pd


def run_suites(session: Session, suites: Sequence[str], *, run_id: str) -> list[SuiteResult]:
    """Check tables of the pipeline's database and store the results.

    Results become rows of ``quality.data_quality_results`` and Data Docs pages in
    ``data_docs_path``. A failed check raises no error: callers read ``is_success``.

    Args:
        session: Session that opens the pipeline's database for writing.
        suites: Names of suites from :data:`rossmann_ml.quality.SUITES`.
        run_id: Id of the run that the results belong to; storing a suite of the same run again
            replaces the suite's rows.

    Returns:
        One result per name, in the same order.

    Raises:
        NoDataError: There is no database, or a table that a suite checks is missing or empty.
        RefusedError: A table lacks a column that a suite's query reads.
        SettingsError: There is no suite of that name.
        BusyError: Another process is writing.
    """
    chosen = [load_suite(name) for name in suites]
    require_database(session.settings)
    # imported late because Great Expectations takes ten seconds to import
    from rossmann_ml.quality.great_expectations_session import check_frames  # noqa: PLC0415

    with session.writing() as connection:
        today = product_today(connection, session.settings)
        horizon_days = session.params.forecast.horizon_days
        frames = (
            (suite, read_checked_frame(connection, suite, today=today, horizon_days=horizon_days))
            for suite in chosen
        )
        results = check_frames(
            frames,
            run_id=run_id,
            folder=session.settings.state_path / "gx",
            pages=session.settings.data_docs_path,
            address=session.settings.dashboard_url,
        )
        store_results(connection, results, run_id=run_id)
    return results


def available_suites(session: Session) -> list[str]:
    """Return the names of the suites whose checked table has rows, in the order of `SUITES`.

    The other suites cannot run, because their table is missing or empty.

    Raises:
        NoDataError: There is no database yet.
        BusyError: Another process is writing.
    """
    tables = {name: load_suite(name).table for name in SUITES}
    with session.reading() as connection:
        rows = count_rows(connection, tables.values())
    return [name for name, table in tables.items() if rows[table]]


def read_checked_frame(
    connection: duckdb.DuckDBPyConnection, suite: Suite, *, today: date, horizon_days: int
) -> pd.DataFrame:
    """Read the rows that a suite checks, because Great Expectations cannot query DuckDB.

    The query of a raw table selects the newest landed version of each row; the query of any other
    table selects the rows of the newest forecast origin.

    Args:
        connection: Connection to the pipeline's database.
        suite: Suite with the query.
        today: Business date. The query of ``raw_sales`` needs it as ``$today``, because a check
            fails if there are sales of a later day.
        horizon_days: Number of forecast days after the origin. The queries of ``plan``,
            ``features`` and ``forecasts`` need it as ``$horizon_days``.

    Returns:
        Rows that the suite's query returns. A figure that describes all of them together, such as
        the share of store-days with a promotion, is a column with the same value on every row.

    Raises:
        NoDataError: A table of the query does not exist yet, or there is no row to check.
        RefusedError: A table lacks a column that the query reads, or a value cannot be converted to
            the type that the query needs.
    """
    values = {"today": today, "horizon_days": horizon_days}
    parameters = {name: value for name, value in values.items() if f"${name}" in suite.query}
    try:
        frame: pd.DataFrame = connection.execute(suite.query, parameters).df()
    except duckdb.CatalogException as error:
        raise NoDataError(
            f"suite {suite.name}: {str(error).splitlines()[0]}; {suite.table} is made by "
            "`rossmann refresh`"
        ) from error
    except (duckdb.BinderException, duckdb.ConversionException) as error:
        raise RefusedError(
            f"suite {suite.name}: {suite.table}, or another table of its query, does not have the "
            f"columns that the check reads: {str(error).splitlines()[0]}"
        ) from error
    if frame.empty:
        raise NoDataError(f"suite {suite.name}: {suite.table} has no rows")
    return frame
