"""Build dbt models, and store the results of their tests."""

from __future__ import annotations

from collections.abc import Sequence

from rossmann_ml.quality import record_dbt_results
from rossmann_ml.warehouse.dbt import DbtResult, run_dbt
from rossmann_ml.warehouse.session import Session


def build_models(session: Session, command: Sequence[str], *, run_id: str) -> DbtResult:
    """Run dbt and store its test results; a failure is in the result and not raised."""
    result = run_dbt(session, command, check=False)
    with session.writing() as connection:
        record_dbt_results(connection, result.run_results_path, result.manifest_path, run_id=run_id)
    return result
