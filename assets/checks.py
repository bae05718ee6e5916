"""Run Great Expectations suites as blocking asset checks.

A failed expectation of severity ``error`` stops all steps downstream, so the last published
generation stays current. A failed expectation of severity ``warning`` is only shown at its check.
See :mod:`assets.dbt` for the checks that dbt's tests become.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from assets.metadata import reported
from assets.resources import Writer
from rossmann_ml.pipeline.steps import refuse_failed
from rossmann_ml.quality import SuiteResult, run_suites

# One step for each place in the chain where bad data must stop the steps downstream.
_PLACES: Mapping[str, Mapping[str, list[str]]] = {
    "raw_expectations": {"raw_sales": ["raw", "sales"], "raw_stores": ["raw", "stores"]},
    "plan_expectations": {
        "newest_sales": ["core", "expected_reports"],
        "plan": ["core", "horizon_plan"],
    },
    "feature_expectations": {"features": ["features", "scoring_panel"]},
    "forecast_expectations": {"forecasts": ["forecasting", "forecasts"]},
}


def build_expectation_checks() -> list[dg.AssetChecksDefinition]:
    """Build one asset check for each suite, on the asset whose table the suite reads.

    Suites that run at the same point of the pipeline share one definition: Dagster runs them as one
    step.
    """
    return [_checks(place, dict(suites)) for place, suites in _PLACES.items()]


def _checks(place: str, suites: dict[str, list[str]]) -> dg.AssetChecksDefinition:
    names = {f"{suite}_expectations": suite for suite in suites}

    @dg.multi_asset_check(
        name=place,
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=suites[suite],
                blocking=True,
                description=f"The expectations of rossmann_ml/quality/suites/{suite}.json.",
            )
            for name, suite in names.items()
        ],
        can_subset=True,
    )
    def expectations(
        context: dg.AssetCheckExecutionContext, writer: Writer
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.name: key for key in context.selected_asset_check_keys}
        chosen = [suite for name, suite in names.items() if name in wanted]
        results = run_suites(writer.session(context), chosen, run_id=context.run.run_id)
        for result in results:
            yield _check_result(wanted[f"{result.suite}_expectations"], result)
        refuse_failed(results)

    return expectations


def _check_result(key: dg.AssetCheckKey, result: SuiteResult) -> dg.AssetCheckResult:
    metadata = reported(
        result.summary().splitlines()[0],
        expectations=len(result.checks),
        failed_errors=len(result.failed_errors),
        failed_warnings=len(result.failed_warnings),
        page=dg.MetadataValue.url(result.data_docs_url) if result.data_docs_url else None,
    )
    only_warnings = result.is_success and result.failed_warnings
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not result.failed_errors and not result.failed_warnings,
        severity=dg.AssetCheckSeverity.WARN if only_warnings else dg.AssetCheckSeverity.ERROR,
        description=result.summary(),
        metadata=metadata,
    )
