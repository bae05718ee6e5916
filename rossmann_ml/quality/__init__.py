"""Checks of the data on its way: Great Expectations suites, and dbt's tests beside them.

The expectations themselves are the JSON files in ``suites``, each with the SQL that reads what it
checks. This package runs them and keeps the results; what to do about a failed check is decided by
who calls (the job stops, the command line exits with an error).
"""

from rossmann_ml.quality.dbt_results import record_dbt_results
from rossmann_ml.quality.frames import read_checked_frame
from rossmann_ml.quality.results import CheckResult, SuiteResult
from rossmann_ml.quality.runner import available_suites, run_suites
from rossmann_ml.quality.suite_files import SUITES, Expectation, Suite, load_suite

__all__ = [
    "SUITES",
    "CheckResult",
    "Expectation",
    "Suite",
    "SuiteResult",
    "available_suites",
    "load_suite",
    "read_checked_frame",
    "record_dbt_results",
    "run_suites",
]
