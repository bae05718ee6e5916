"""Record the results of dbt's tests in ``quality.data_quality_results``.

Entry point: :func:`record_dbt_results`, which reads two of dbt's artifacts. Running dbt is in
:mod:`rossmann_ml.warehouse.dbt`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from rossmann_ml.quality.results import CheckResult, SuiteResult, store_results
from rossmann_ml.quality.suite_files import Severity


def record_dbt_results(
    connection: duckdb.DuckDBPyConnection,
    run_results_path: Path,
    manifest_path: Path,
    *,
    run_id: str,
) -> SuiteResult:
    """Write one row for each data test and unit test of a dbt run.

    A test that dbt skipped counts as failed, because the tested model was not built.

    Args:
        connection: Connection to the pipeline's database, open for writing.
        run_results_path: Path of the dbt run's ``run_results.json``.
        manifest_path: Path of the same run's ``manifest.json``.
        run_id: Id of the run that the results belong to; recording a test again replaces its row.

    Returns:
        The results, as suite ``dbt``.
    """
    outcomes = json.loads(run_results_path.read_text(encoding="utf-8"))["results"]
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    nodes: dict[str, Any] = {**manifest["nodes"], **manifest["sources"], **manifest["unit_tests"]}
    checks = [
        _check_result(outcome, nodes[outcome["unique_id"]], nodes)
        for outcome in outcomes
        if outcome["unique_id"].startswith(("test.", "unit_test."))
    ]
    result = SuiteResult(suite="dbt", checks=checks)
    store_results(connection, [result], run_id=run_id, tool="dbt")
    return result


def _check_result(
    outcome: Mapping[str, Any], test: Mapping[str, Any], nodes: Mapping[str, Any]
) -> CheckResult:
    """Build the result of one test from its outcome and its node in the manifest."""
    status = str(outcome["status"])
    failures = outcome.get("failures")
    is_success = status == "pass"
    warns = status == "warn" or str(test["config"].get("severity", "error")).lower() == "warn"
    severity: Severity = "warning" if warns else "error"
    observed = "no failing row" if is_success else str(outcome.get("message") or status).strip()
    return CheckResult(
        name=str(outcome["unique_id"]),
        check_name=str(test["name"]),
        table_name=_tested_table(test, nodes),
        column_name=test.get("column_name"),
        severity=severity,
        is_success=is_success,
        rows_checked=None,
        rows_unexpected=failures,
        observed="not run: the tested model was not built" if status == "skipped" else observed,
        expected="no failing row",
        notes=str(test.get("description") or ""),
    )


def _tested_table(test: Mapping[str, Any], nodes: Mapping[str, Any]) -> str:
    """Return schema and name of the tested table; the first one for a test of several tables."""
    candidates = [
        test.get("attached_node"),
        test.get("tested_node_unique_id"),
        *test.get("depends_on", {}).get("nodes", []),
    ]
    for candidate in candidates:
        if candidate in nodes:
            node = nodes[candidate]
            return f"{node['schema']}.{node.get('alias') or node['name']}"
    return str(test["name"])
