"""Store the results of dbt's tests in ``quality.data_quality_results``.

Entry point: :func:`record_dbt_results`. Running dbt is in :mod:`rossmann_ml.warehouse.dbt`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from rossmann_ml.quality.results import CheckResult, SuiteResult, store_results
from rossmann_ml.warehouse.dbt import DbtNode, DbtResult


def record_dbt_results(
    connection: duckdb.DuckDBPyConnection, result: DbtResult, *, run_id: str
) -> SuiteResult:
    """Store the results of dbt's data tests and unit tests, one row per test.

    A test that dbt skipped counts as failed, because the tested model was not built.

    Args:
        connection: Connection to the pipeline's database, open for writing.
        result: Result of the dbt command.
        run_id: Id of the run that the results belong to; storing a test of the same run again
            replaces its row.

    Returns:
        Results of all tests, as the suite named ``dbt``.
    """
    manifest = json.loads(result.manifest_path.read_text(encoding="utf-8"))
    entries: dict[str, Any] = {**manifest["nodes"], **manifest["sources"], **manifest["unit_tests"]}
    checks = [
        _check_result(node, entries[node.unique_id], entries)
        for node in result.nodes
        if node.unique_id.startswith(("test.", "unit_test."))
    ]
    recorded = SuiteResult(suite="dbt", checks=checks)
    store_results(connection, [recorded], run_id=run_id)
    return recorded


def _check_result(
    node: DbtNode, test: Mapping[str, Any], entries: Mapping[str, Any]
) -> CheckResult:
    """Convert dbt's result of one test.

    Args:
        node: Result of the test.
        test: Entry of the test in dbt's manifest.
        entries: Manifest entries of all models, sources and tests by id.
    """
    is_success = node.status == "pass"
    warns = node.status == "warn" or str(test["config"].get("severity", "error")).lower() == "warn"
    observed = "no failing row" if is_success else (node.message or node.status).strip()
    if node.status == "skipped":
        observed = "not run: the tested model was not built"
    return CheckResult(
        name=node.unique_id,
        check_name=str(test["name"]),
        table_name=_tested_table(test, entries),
        column_name=test.get("column_name"),
        severity="warning" if warns else "error",
        is_success=is_success,
        rows_checked=None,
        rows_unexpected=node.failures,
        observed=observed,
        expected="no failing row",
        notes=str(test.get("description") or ""),
    )


def _tested_table(test: Mapping[str, Any], entries: Mapping[str, Any]) -> str:
    """Return the name, ``schema.table``, of the table that a test checks.

    If dbt's manifest names no table for the test, return the name of the test.

    Args:
        test: Entry of the test in dbt's manifest.
        entries: Manifest entries of all models, sources and tests by id.
    """
    candidates = [
        test.get("attached_node"),
        test.get("tested_node_unique_id"),
        *test.get("depends_on", {}).get("nodes", []),
    ]
    for candidate in candidates:
        if candidate in entries:
            table = entries[candidate]
            return f"{table['schema']}.{table.get('alias') or table['name']}"
    return str(test["name"])
