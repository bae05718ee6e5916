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

from rossmann_ml.base.errors import FaultError
from rossmann_ml.quality.results import CheckResult, SuiteResult, store_results
from rossmann_ml.quality.suite_files import Severity

_SUITE = "dbt"


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
        Results of all tests, as the suite named ``dbt``.

    Raises:
        FaultError: An artifact is missing or has an unknown form.
    """
    outcomes = _read(run_results_path, "results")
    manifest = _read(manifest_path, "nodes")
    nodes: dict[str, Any] = {
        **manifest["nodes"],
        **manifest.get("sources", {}),
        **manifest.get("unit_tests", {}),
    }
    checks = []
    for outcome in outcomes["results"]:
        unique_id = str(outcome["unique_id"])
        if not unique_id.startswith(("test.", "unit_test.")):
            continue
        if unique_id not in nodes:
            raise FaultError(
                f"{run_results_path} names the test {unique_id}, which {manifest_path} does not: "
                "the two files are not of the same run"
            )
        checks.append(_check_result(outcome, nodes[unique_id], nodes))
    result = SuiteResult(suite=_SUITE, checks=checks)
    store_results(connection, [result], run_id=run_id, tool="dbt")
    return result


def _read(path: Path, key: str) -> dict[str, Any]:
    """Read one of dbt's JSON artifacts, which must have the given top-level key."""
    try:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FaultError(f"{path} is not there: dbt did not run, or wrote elsewhere") from error
    except json.JSONDecodeError as error:
        raise FaultError(f"{path}: not JSON: {error}") from error
    if key not in loaded:
        raise FaultError(f"{path}: not an artifact of dbt: it has no {key!r}")
    return loaded


def _check_result(
    outcome: Mapping[str, Any], test: Mapping[str, Any], nodes: Mapping[str, Any]
) -> CheckResult:
    """Build the result of one test.

    Args:
        outcome: Entry of the test in ``run_results.json``.
        test: Node of the test in the manifest.
        nodes: All nodes of the manifest by id.
    """
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
