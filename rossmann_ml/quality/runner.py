"""Running suites: from the pipeline's database to results, rows and Data Docs pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rossmann_ml.quality.frames import has_rows, read_checked_frame
from rossmann_ml.quality.results import SuiteResult, store_results
from rossmann_ml.quality.suite_files import SUITES, load_suite
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import require_database
from rossmann_ml.warehouse.session import Session


def run_suites(
    session: Session,
    suites: Sequence[str],
    *,
    run_id: str,
    forecast_origin: date | None = None,
) -> list[SuiteResult]:
    """Check tables of the pipeline's database and keep what was found.

    Results become rows of ``quality.data_quality_results`` and Data Docs pages below
    ``state_path/gx``. A failed check raises nothing: the caller decides by ``is_success``.

    Args:
        session: Session of the job.
        suites: Names from :data:`rossmann_ml.quality.SUITES`.
        run_id: The run that the results belong to; running it again replaces its rows.
        forecast_origin: The origin whose plan, features and forecasts are checked; the newest when
            not given.

    Returns:
        One result for each name, in the same order.

    Raises:
        NoDataError: There is no database, or a table that a suite checks is missing or empty.
        RefusedError: A table lacks a column that a suite's query reads.
        SettingsError: There is no suite of that name.
        BusyError: Another process is writing.
    """
    for name in suites:
        load_suite(name)
    require_database(session.settings)
    # here and not above: importing Great Expectations takes ten seconds
    from rossmann_ml.quality.great_expectations_session import Validator  # noqa: PLC0415

    validator = Validator(run_id=run_id, folder=session.settings.state_path / "gx")
    with session.writing() as connection:
        today = product_today(connection, session.settings)
        results = [
            validator.validate(
                name,
                read_checked_frame(connection, name, today=today, forecast_origin=forecast_origin),
            )
            for name in suites
        ]
        validator.write_data_docs()
        store_results(connection, results, run_id=run_id, tool="great_expectations")
    return results


def available_suites(session: Session) -> list[str]:
    """The suites whose table is there and has rows.

    Raises:
        NoDataError: There is no database yet.
    """
    with session.reading() as connection:
        return [name for name in SUITES if has_rows(connection, load_suite(name))]
