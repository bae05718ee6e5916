"""Hold results of checks, and store them in ``quality.data_quality_results``.

Entry points: :class:`CheckResult`, :class:`SuiteResult`, :func:`store_results`. Reading results of
Great Expectations and dbt is in ``great_expectations_session`` and ``dbt_results``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.quality.suite_files import Severity
from rossmann_ml.warehouse.connection import append_frame, transaction, utc_now


@dataclass(frozen=True)
class CheckResult:
    """Result of one check: an expectation of a suite, or a dbt test.

    Attributes:
        name: Name of the check, unique within the suite.
        check_name: Type of the expectation, or name of the dbt test.
        table_name: Schema and name of the checked table.
        column_name: Checked column, several joined by a comma; None for a check of a whole table.
        severity: ``error`` or ``warning``.
        is_success: Whether the check passed.
        rows_checked: Number of checked rows; None when unknown.
        rows_unexpected: Number of rows that fail; None for a check that does not count rows.
        observed: Value found, in words.
        expected: Value that the expectation or dbt test demands, in words.
        notes: Reason for the check.
    """

    name: str
    check_name: str
    table_name: str
    column_name: str | None
    severity: Severity
    is_success: bool
    rows_checked: int | None
    rows_unexpected: int | None
    observed: str
    expected: str
    notes: str = ""

    def __str__(self) -> str:
        where = f"{self.table_name} {self.column_name or ''}".strip()
        reason = f" ({self.notes})" if self.notes else ""
        return f"{where}: found {self.observed}, expected {self.expected}{reason}"


@dataclass(frozen=True)
class SuiteResult:
    """Results of one suite, or of all dbt tests of a run.

    Attributes:
        suite: Name of the suite: one of :data:`rossmann_ml.quality.SUITES`, or ``dbt``.
        checks: Results in the order of the suite file, or of dbt.
        data_docs_path: Data Docs page of the results; None if no page was written.
        data_docs_url: Address of that page on the dashboard.
    """

    suite: str
    checks: list[CheckResult]
    data_docs_path: Path | None = None
    data_docs_url: str = ""

    @property
    def is_success(self) -> bool:
        """Whether all checks of error severity passed; warnings are ignored."""
        return not self.failed_errors

    @property
    def failed_errors(self) -> list[CheckResult]:
        """Failed checks of error severity, for which a job stops with an error."""
        return self._failed("error")

    @property
    def failed_warnings(self) -> list[CheckResult]:
        """Failed checks of warning severity, which are shown but do not stop the job."""
        return self._failed("warning")

    def _failed(self, severity: Severity) -> list[CheckResult]:
        """Return the failed checks of one severity."""
        return [
            check for check in self.checks if not check.is_success and check.severity == severity
        ]

    def summary(self) -> str:
        """Return the results as text, with a line for each failed check, errors first.

        The first line has the numbers of passed checks, of all checks, of failed errors and of
        failed warnings. If a check failed and a Data Docs page was written, the last line names
        its path and its address.
        """
        failed = len(self.failed_errors) + len(self.failed_warnings)
        lines = [
            f"{self.suite}: {len(self.checks) - failed} of {len(self.checks)} checks passed, "
            f"{_counted(self.failed_errors, 'error')}, {_counted(self.failed_warnings, 'warning')}"
        ]
        lines += [f"  error: {check}" for check in self.failed_errors]
        lines += [f"  warning: {check}" for check in self.failed_warnings]
        if failed and self.data_docs_path is not None:
            lines.append(
                f"  shown in {self.data_docs_path}, by the dashboard at {self.data_docs_url}"
            )
        return "\n".join(lines)


def _counted(checks: list[CheckResult], word: str) -> str:
    """Format the number of checks with a noun, such as ``2 errors``."""
    return f"{len(checks)} {word}{'' if len(checks) == 1 else 's'}"


def store_results(
    connection: duckdb.DuckDBPyConnection, results: Sequence[SuiteResult], *, run_id: str
) -> None:
    """Write results as rows of ``quality.data_quality_results``.

    Results of the same run and check are replaced, so that a repeated step leaves one row per
    check.
    """
    rows = [
        {
            "run_id": run_id,
            "checked_at": utc_now(),
            "tool": "dbt" if result.suite == "dbt" else "great_expectations",
            "suite": result.suite,
            **asdict(check),
        }
        for result in results
        for check in result.checks
    ]
    if not rows:
        return
    new_results = pl.DataFrame(rows, infer_schema_length=None).drop("name", "notes")
    with transaction(connection):
        connection.execute(
            """
            DELETE FROM quality.data_quality_results AS old USING new_results AS new
            WHERE old.run_id = new.run_id AND old.tool = new.tool AND old.suite = new.suite
                AND old.table_name = new.table_name AND old.check_name = new.check_name
            """
        )
        append_frame(connection, "quality.data_quality_results", new_results)
