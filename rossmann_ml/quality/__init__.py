"""Check the data with Great Expectations suites, and store the results of suites and dbt tests.

Entry points: :func:`run_suites`, :func:`record_dbt_results`. The expectations are the JSON files
in ``suites``, each with the SQL query that reads the checked rows. A failed check is part of the
returned results and raises no error here; callers decide whether to stop.
"""

from rossmann_ml.quality.dbt_results import record_dbt_results
from rossmann_ml.quality.results import CheckResult, SuiteResult
from rossmann_ml.quality.runner import available_suites, read_checked_frame, run_suites
from rossmann_ml.quality.suite_files import SUITES, load_suite

__all__ = [
    "SUITES",
    "CheckResult",
    "SuiteResult",
    "available_suites",
    "load_suite",
    "read_checked_frame",
    "record_dbt_results",
    "run_suites",
]
