"""Run suites with Great Expectations: its context, validation, and Data Docs pages.

Entry point: :func:`check_frames`. This is the only module that imports Great Expectations. The
import takes ten seconds, so callers import this module only when they run suites.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pandas as pd

from rossmann_ml.base import process
from rossmann_ml.quality.results import CheckResult, SuiteResult
from rossmann_ml.quality.suite_files import SUITES, Expectation, Suite, load_suite
from rossmann_ml.quality.wording import expected_text, observed_text

process.prepare()  # the import of Great Expectations reads these variables

import great_expectations as gx  # noqa: E402
from great_expectations.data_context.types.base import (  # noqa: E402
    DataContextConfig,
    InMemoryStoreBackendDefaults,
)
from great_expectations.data_context.types.resource_identifiers import (  # noqa: E402
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from rossmann_ml.quality.offline_pages import OfflinePageView  # noqa: E402

# Limits Data Docs to this many runs of each suite because every build reads all runs again.
RUNS_KEPT = 10

_VIEW = {"module_name": OfflinePageView.__module__, "class_name": OfflinePageView.__name__}
_GX_SEVERITY = {"error": "critical", "warning": "warning"}


def check_frames(
    frames: Iterable[tuple[Suite, pd.DataFrame]],
    *,
    run_id: str,
    folder: Path,
    pages: Path,
    address: str,
) -> list[SuiteResult]:
    """Run suites, and write their results and Data Docs pages.

    Stored results of all but the newest `RUNS_KEPT` runs of each suite are removed.

    Args:
        frames: Suites, each with the rows to check: what the suite's query returned.
        run_id: Name of the run in Data Docs, where characters other than ASCII letters, digits,
            ``_``, ``.`` and ``-`` become hyphens.
        folder: Folder in which result files are written.
        pages: Folder of the pages.
        address: Address of the dashboard, which serves the pages.

    Returns:
        One result per frame, in the same order.
    """
    # the run's name becomes the name of a folder
    run = gx.RunIdentifier(
        run_name=re.sub(r"[^A-Za-z0-9_.-]", "-", run_id), run_time=datetime.now(UTC)
    )
    context = gx.get_context(mode="ephemeral", project_config=_configuration(folder, pages))
    source = context.data_sources.add_pandas("warehouse")
    # all suites, because the library removes pages of suites that are not in the context
    suites = {name: context.suites.add(_gx_suite(load_suite(name))) for name in SUITES}
    results, written = [], []
    for suite, frame in frames:
        asset = source.add_dataframe_asset(suite.table)
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(
                name=suite.name,
                data=asset.add_batch_definition_whole_dataframe("whole"),
                suite=suites[suite.name],
            )
        )
        found = definition.run(
            batch_parameters={"dataframe": frame}, result_format="SUMMARY", run_id=run
        )
        key = ValidationResultIdentifier(
            ExpectationSuiteIdentifier(suite.name), run, found.batch_id
        )
        written += [key.expectation_suite_identifier, key]
        (site,) = context.get_docs_sites_urls(resource_identifier=key, only_if_exists=False)
        page = Path(unquote(urlsplit(site["site_url"]).path))
        below = page.relative_to(pages.resolve())
        by_name = {
            result.expectation_config.meta["name"]: result.to_json_dict()
            for result in found.results
        }
        results.append(
            SuiteResult(
                suite=suite.name,
                checks=[
                    _check_result(suite, expectation, by_name[expectation.name], rows=len(frame))
                    for expectation in suite.expectations
                ],
                data_docs_path=page,
                data_docs_url=f"{address.rstrip('/')}/{pages.name}/{quote(str(below))}",
            )
        )
    _prune(context.validation_results_store)
    # a new folder of pages gets those of all stored results
    context.build_data_docs(
        resource_identifiers=written if (pages / "index.html").exists() else None
    )
    return results


def _prune(store: Any) -> None:
    """Remove results of all but the newest `RUNS_KEPT` runs of each suite from the result store.

    Otherwise every run would take longer, because building the pages reads all stored results.
    """
    newest_first = sorted(store.list_keys(), key=lambda key: key.run_id.run_time, reverse=True)
    for name in SUITES:
        runs = [key for key in newest_first if key.expectation_suite_identifier.name == name]
        for key in runs[RUNS_KEPT:]:
            store.remove_key(key)


def _configuration(folder: Path, pages: Path) -> DataContextConfig:
    """Configure Great Expectations: suites in memory, results and pages as files."""

    def files(path: Path) -> dict[str, str]:
        # the library takes what follows a dollar sign for the name of a variable
        base = str(path.resolve()).replace("$", r"\$")
        return {"class_name": "TupleFilesystemStoreBackend", "base_directory": base}

    defaults = InMemoryStoreBackendDefaults()
    results = defaults.stores[defaults.validation_results_store_name]
    results["store_backend"] = files(folder / "validations")
    defaults.data_docs_sites = {
        "data_docs": {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": files(pages),
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "view": _VIEW},
            "site_section_builders": {
                "expectations": {"view": _VIEW},
                "validations": {"view": _VIEW},
                "profiling": "None",
            },
        }
    }
    return DataContextConfig(
        store_backend_defaults=defaults,
        analytics_enabled=False,
        progress_bars={"globally": False},
    )


def _gx_suite(suite: Suite) -> Any:
    """Convert a suite to an `ExpectationSuite` of Great Expectations."""
    return gx.ExpectationSuite(
        name=suite.name,
        notes=suite.notes,
        expectations=[
            {
                "type": expectation.type,
                "kwargs": dict(expectation.kwargs),
                "severity": _GX_SEVERITY[expectation.severity],
                # the library's default wording on pages lacks severity and reason
                "description": (
                    f"{', '.join(expectation.columns)}: {expected_text(expectation)}. "
                    f"{expectation.notes} ({expectation.severity})"
                ),
                "meta": {"name": expectation.name},
            }
            for expectation in suite.expectations
        ],
    )


def _check_result(
    suite: Suite, expectation: Expectation, found: Mapping[str, Any], *, rows: int
) -> CheckResult:
    """Convert Great Expectations' result of one expectation.

    Args:
        suite: Suite of the expectation.
        expectation: Checked expectation.
        found: Result, as in Great Expectations' result file.
        rows: Number of rows of the frame, used if the result has no number of checked rows.
    """
    result: Mapping[str, Any] = found.get("result") or {}
    return CheckResult(
        name=expectation.name,
        check_name=expectation.type,
        table_name=suite.table,
        column_name=", ".join(expectation.columns) or None,
        severity=expectation.severity,
        is_success=bool(found["success"]),
        rows_checked=result.get("element_count", rows),
        rows_unexpected=result.get("unexpected_count"),
        observed=observed_text(result, _exception_message(found)),
        expected=expected_text(expectation),
        notes=expectation.notes,
    )


def _exception_message(found: Mapping[str, Any]) -> str | None:
    """Return the error message of an expectation that could not be evaluated; None if it ran."""
    info: Mapping[str, Any] = found.get("exception_info") or {}
    # the library writes one entry for the expectation, or one for each of its metrics
    for entry in [info] if "raised_exception" in info else info.values():
        if entry.get("raised_exception"):
            return str(entry.get("exception_message"))
    return None
