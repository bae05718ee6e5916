"""What a check found: results in the product's own words, and as rows of the warehouse.

Belongs here: the shape of a result and its way into ``quality.data_quality_results``. Nothing here
knows Great Expectations or dbt.
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
    """What one check found.

    Attributes:
        name: Unique within the suite.
        check_name: The expectation's type, or the dbt test's name.
        table_name: Schema and name of the table.
        column_name: The column, several joined by a comma, None for a check of a whole table.
        severity: ``error`` or ``warning``.
        is_success: Whether the data is as expected.
        rows_checked: Rows that were looked at, None when unknown.
        rows_unexpected: Rows that are not as expected, None where the check is about the whole.
        observed: What was found.
        expected: What should have been found.
        notes: Why it should be so.
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
    """What the checks of one suite found.

    Attributes:
        suite: One of :data:`rossmann_ml.quality.SUITES`, or ``dbt``.
        checks: In the order of the suite file.
        data_docs_path: The page that shows it, None where none was written.
    """

    suite: str
    checks: list[CheckResult]
    data_docs_path: Path | None = None

    @property
    def is_success(self) -> bool:
        """Whether no check of error severity failed; warnings do not count."""
        return not self.failed_errors

    @property
    def failed_errors(self) -> list[CheckResult]:
        """The failed checks that must stop what comes after."""
        return self._failed("error")

    @property
    def failed_warnings(self) -> list[CheckResult]:
        """The failed checks that a person should see."""
        return self._failed("warning")

    def _failed(self, severity: Severity) -> list[CheckResult]:
        return [
            check for check in self.checks if not check.is_success and check.severity == severity
        ]

    def summary(self) -> str:
        """One line on the whole, then a line for each failed check."""
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
    return f"{len(checks)} {word}{'' if len(checks) == 1 else 's'}"


def store_results(
    connection: duckdb.DuckDBPyConnection,
    results: Sequence[SuiteResult],
    *,
    run_id: str,
    tool: Tool,
) -> int:
    """Write results as rows of ``quality.data_quality_results``.

    A check that the same run has recorded before is replaced, so that a repeated step leaves one
    row a check.

    Returns:
        How many rows were written.
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
