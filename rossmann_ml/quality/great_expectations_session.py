"""Run suites with Great Expectations: its context, validation, and Data Docs pages.

Entry point: :class:`Validator`. This is the only module that imports Great Expectations. The import
takes ten seconds, so callers import this module late and use one validator for all suites.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from rossmann_ml.base import process
from rossmann_ml.quality.results import CheckResult, SuiteResult
from rossmann_ml.quality.suite_files import SUITES, Expectation, Suite, load_suite
from rossmann_ml.quality.wording import expected_text, observed_text

process.prepare()  # the import of Great Expectations reads these variables

import great_expectations as gx  # noqa: E402
from great_expectations.data_context.types.base import DataContextConfig  # noqa: E402
from great_expectations.data_context.types.resource_identifiers import (  # noqa: E402
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

# Limits Data Docs to this many runs of each suite because every build reads all runs again.
RUNS_KEPT = 10

_GX_SEVERITY = {"error": "critical", "warning": "warning"}
_SITE = "data_docs"


class Validator:
    """A Great Expectations context that holds all suites.

    Args:
        run_id: Name of the run in Data Docs.
        folder: Folder of results and Data Docs pages; None keeps both in memory.
    """

    def __init__(self, *, run_id: str, folder: Path | None = None) -> None:
        self._folder = folder
        # the run's name becomes the name of a folder
        self._run = gx.RunIdentifier(
            run_name=re.sub(r"[^A-Za-z0-9_.-]", "-", run_id), run_time=datetime.now(UTC)
        )
        self._context = gx.get_context(mode="ephemeral", project_config=_configuration(folder))
        self._source = self._context.data_sources.add_pandas("warehouse")
        self._suites: dict[str, Any] = {}
        self._written: list[Any] = []
        if folder is not None:
            # the library removes pages of suites that are not in the context
            for name in SUITES:
                self._suite(name)

    def validate(self, suite_name: str, frame: pd.DataFrame) -> SuiteResult:
        """Run a suite on a frame and return the results.

        Args:
            suite_name: Name of a suite, one of :data:`rossmann_ml.quality.SUITES`.
            frame: Rows of that suite's query.
        """
        suite = load_suite(suite_name)
        asset = self._source.add_dataframe_asset(suite.table)
        definition = self._context.validation_definitions.add(
            gx.ValidationDefinition(
                name=suite_name,
                data=asset.add_batch_definition_whole_dataframe("whole"),
                suite=self._suite(suite_name),
            )
        )
        found = definition.run(
            batch_parameters={"dataframe": frame}, result_format="SUMMARY", run_id=self._run
        )
        suite_key = ExpectationSuiteIdentifier(name=suite_name)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=suite_key,
            run_id=self._run,
            batch_identifier=found.batch_id,
        )
        self._written += [suite_key, key]
        by_name = {
            result.expectation_config.meta["name"]: result.to_json_dict()
            for result in found.results
        }
        return SuiteResult(
            suite=suite_name,
            checks=[
                _check_result(suite, expectation, by_name[expectation.name], rows=len(frame))
                for expectation in suite.expectations
            ],
            data_docs_path=None if self._folder is None else self._page_path(key),
        )

    def _suite(self, name: str) -> Any:
        """Return a suite by name; add it to the context at its first use."""
        if name not in self._suites:
            self._suites[name] = self._context.suites.add(_gx_suite(load_suite(name)))
        return self._suites[name]

    def write_data_docs(self) -> None:
        """Write the pages of the validated suites, and remove the oldest runs."""
        if self._folder is None or not self._written:
            return
        self._prune()
        self._context.build_data_docs(resource_identifiers=self._written)

    def _page_path(self, key: ValidationResultIdentifier) -> Path:
        """Return the path of a validation's page, which need not exist yet."""
        (site,) = self._context.get_docs_sites_urls(resource_identifier=key, only_if_exists=False)
        return Path(unquote(urlsplit(site["site_url"]).path))

    def _prune(self) -> None:
        """Remove the results of all but the newest runs of each suite."""
        store = self._context.validation_results_store
        by_suite: dict[str, list[ValidationResultIdentifier]] = {}
        for key in store.list_keys():
            by_suite.setdefault(key.expectation_suite_identifier.name, []).append(key)
        for keys in by_suite.values():
            newest_first = sorted(keys, key=lambda key: key.run_id.run_time, reverse=True)
            for key in newest_first[RUNS_KEPT:]:
                store.remove_key(key)


def _configuration(folder: Path | None) -> DataContextConfig:
    """Build a configuration with suites in memory, and results and pages stored in `folder`."""

    def backend(name: str | None = None) -> dict[str, str]:
        if folder is None or name is None:
            return {"class_name": "InMemoryStoreBackend"}
        return {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str((folder / name).resolve()),
        }

    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": backend(_SITE),
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "site_section_builders": {"profiling": "None"},
    }
    return DataContextConfig(
        config_version=4.0,
        expectations_store_name="suites",
        validation_results_store_name="results",
        checkpoint_store_name="checkpoints",
        stores={
            "suites": {"class_name": "ExpectationsStore", "store_backend": backend()},
            "results": {
                "class_name": "ValidationResultsStore",
                "store_backend": backend("validations"),
            },
            "checkpoints": {"class_name": "CheckpointStore", "store_backend": backend()},
            "validation_definition_store": {
                "class_name": "ValidationDefinitionStore",
                "store_backend": backend(),
            },
        },
        data_docs_sites={} if folder is None else {_SITE: site},
        analytics_enabled=False,
        progress_bars={"globally": False},
    )


def _gx_suite(suite: Suite) -> Any:
    """Convert a suite file to an `ExpectationSuite`."""
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
    """Convert Great Expectations' result for one expectation on `rows` checked rows."""
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
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message"))
    return None
