"""Results of dbt's tests become rows in the same table as those of the expectations."""

from __future__ import annotations

import os
import subprocess
import sys

import duckdb
import pytest

from rossmann_ml.quality import record_dbt_results
from rossmann_ml.warehouse.dbt import DbtResult, read_nodes
from rossmann_ml.warehouse.schema import create_tables

# A separate dbt project, because in the product's no test fails and no model breaks.
PROJECT = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
test-paths: [tests]
models: {+schema: core, +materialized: table}
""",
    "profiles.yml": """
shop:
  target: here
  outputs:
    here: {type: duckdb, path: shop.duckdb, threads: 1}
""",
    "models/daily.sql": "select 1 as store_id, -5 as sales union all select null, 7",
    "models/broken.sql": "select no_such_column from {{ ref('daily') }}",
    "models/models.yml": """
models:
  - name: daily
    columns:
      - name: store_id
        data_tests:
          - unique
          - not_null: {name: every_row_has_a_store}
      - name: sales
        data_tests:
          - not_null
          - accepted_values:
              name: sales_is_seven
              arguments: {values: [7], quote: false}
              config: {severity: warn}
  - name: broken
    columns:
      - name: no_such_column
        data_tests: [unique]
unit_tests:
  - name: sales_are_as_written
    model: daily
    given: []
    expect:
      rows: [{store_id: 1, sales: -5}, {store_id: null, sales: 7}]
""",
    "tests/no_sales_below_zero.sql": "select * from {{ ref('daily') }} where sales < 0",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> DbtResult:
    """Return the result of a dbt build whose tests pass, fail, warn and are skipped."""
    project = tmp_path_factory.mktemp("shop")
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    switched_off = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build"],
        cwd=project,
        env={**os.environ, **switched_off, "DBT_PROFILES_DIR": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    target = project / "target"
    return DbtResult(target / "manifest.json", read_nodes(target / "run_results.json"))


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as opened:
        create_tables(opened)
        yield opened


def test_every_test_of_a_run_becomes_a_row_with_its_table_and_severity(built, connection):
    result = record_dbt_results(connection, built, run_id="weekly-1")

    rows = connection.execute(
        "SELECT check_name, table_name, column_name, severity, is_success, rows_unexpected"
        " FROM quality.data_quality_results"
        " WHERE run_id = 'weekly-1' AND tool = 'dbt' AND suite = 'dbt' ORDER BY check_name"
    ).fetchall()
    assert rows == [
        ("every_row_has_a_store", "main_core.daily", "store_id", "error", False, 1),
        ("no_sales_below_zero", "main_core.daily", None, "error", False, 1),
        ("not_null_daily_sales", "main_core.daily", "sales", "error", True, 0),
        ("sales_are_as_written", "main_core.daily", None, "error", True, 0),
        ("sales_is_seven", "main_core.daily", "sales", "warning", False, 1),
        (
            "unique_broken_no_such_column", "main_core.broken", "no_such_column", "error", False,
            None,
        ),
        ("unique_daily_store_id", "main_core.daily", "store_id", "error", True, 0),
    ]  # fmt: skip
    assert len(result.checks) == len(rows)
    assert {check.check_name for check in result.failed_warnings} == {"sales_is_seven"}
    assert not result.is_success


def test_a_test_of_a_table_that_was_not_built_is_reported_as_not_run(built, connection):
    result = record_dbt_results(connection, built, run_id="weekly-1")

    observed = {check.check_name: check.observed for check in result.failed_errors}
    assert observed["unique_broken_no_such_column"] == "not run: the tested model was not built"
    assert observed["every_row_has_a_store"] == "Got 1 result, configured to fail if != 0"


def test_recording_a_run_twice_leaves_one_row_per_test(built, connection):
    for _ in range(2):
        record_dbt_results(connection, built, run_id="weekly-1")

    assert connection.execute("SELECT count(*) FROM quality.data_quality_results").fetchall() == [
        (7,)
    ]
