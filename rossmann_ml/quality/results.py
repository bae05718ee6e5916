"""Hold results of checks, and store them in ``quality.data_quality_results``.

Entry points: :class:`CheckResult`, :class:`SuiteResult`, :func:`store_results`. Reading results of
Great Expectations and dbt is in ``great_expectations_session`` and ``dbt_results``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from rossmann_ml.quality.suite_files import Severity
from rossmann_ml.warehouse.connection import append_frame, transaction, utc_now

Tool = Literal["great_expectations", "dbt"]


@dataclass(frozen=True)
class CheckResult:
    """Result of one check.

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
        expected: Value expected, in words.
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
    """Results of one suite.

    Attributes:
        suite: Name of the suite: one of :data:`rossmann_ml.quality.SUITES`, or ``dbt``.
        checks: Results in the order of the suite file.
        data_docs_path: Data Docs page of the results; None if no page was written.
    """

    suite: str
    checks: list[CheckResult]
    data_docs_path: Path | None = None

    @property
    def is_success(self) -> bool:
        """Whether all checks of error severity passed; warnings are ignored."""
        return not self.failed_errors

    @property
    def failed_errors(self) -> list[CheckResult]:
        """Failed checks of error severity, which stop the job."""
        return self._failed("error")

    @property
    def failed_warnings(self) -> list[CheckResult]:
        """Failed checks of warning severity, which are only reported."""
        return self._failed("warning")

    def _failed(self, severity: Severity) -> list[CheckResult]:
        """Return the failed checks of one severity."""
        return [
            check for check in self.checks if not check.is_success and check.severity == severity
        ]

    def summary(self) -> str:
        """Return a line with the counts, then a line for each failed check."""
        failed = len(self.failed_errors) + len(self.failed_warnings)
        lines = [
            f"{self.suite}: {len(self.checks) - failed} of {len(self.checks)} checks passed, "
            f"{_counted(self.failed_errors, 'error')}, {_counted(self.failed_warnings, 'warning')}"
        ]
        lines += [f"  error: {check}" for check in self.failed_errors]
        lines += [f"  warning: {check}" for check in self.failed_warnings]
        if failed and self.data_docs_path is not None:
            lines.append(f"  shown in {self.data_docs_path}")
        return "\n".join(lines)


def _counted(checks: list[CheckResult], word: str) -> str:
    """Format the number of checks with a noun, such as ``2 errors``."""
    return f"{len(checks)} {word}{'' if len(checks) == 1 else 's'}"


def store_results(
    connection: duckdb.DuckDBPyConnection,
    results: Sequence[SuiteResult],
    *,
    run_id: str,
    tool: Tool,
) -> int:
    """Write results as rows of ``quality.data_quality_results``.

    Results of the same run and check are replaced, so that a repeated step leaves one row per
    check.

    Returns:
        Number of rows written.
    """
    checked_at = utc_now()
    rows = [
        {
            "run_id": run_id,
            "checked_at": checked_at,
            "tool": tool,
            "suite": result.suite,
            "table_name": check.table_name,
            "column_name": check.column_name,
            "check_name": check.check_name,
            "severity": check.severity,
            "is_success": check.is_success,
            "rows_checked": check.rows_checked,
            "rows_unexpected": check.rows_unexpected,
            "observed": check.observed,
            "expected": check.expected,
        }
        for result in results
        for check in result.checks
    ]
    if not rows:
        return 0
    new_results = pl.DataFrame(rows, schema=_SCHEMA)
    with transaction(connection):
        connection.register("new_results", new_results)
        connection.execute(
            """
            DELETE FROM quality.data_quality_results AS old USING new_results AS new
            WHERE old.run_id = new.run_id AND old.tool = new.tool AND old.suite = new.suite
                AND old.table_name = new.table_name AND old.check_name = new.check_name
            """
        )
        connection.unregister("new_results")
        append_frame(connection, "quality.data_quality_results", new_results)
    return len(rows)


_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "run_id": pl.String,
    "checked_at": pl.Datetime("us"),
    "tool": pl.String,
    "suite": pl.String,
    "table_name": pl.String,
    "column_name": pl.String,
    "check_name": pl.String,
    "severity": pl.String,
    "is_success": pl.Boolean,
    "rows_checked": pl.Int64,
    "rows_unexpected": pl.Int64,
    "observed": pl.String,
    "expected": pl.String,
}
