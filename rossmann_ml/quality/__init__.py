"""Check the data with Great Expectations suites, and record their results and dbt's.

Entry points: :func:`run_suites`, :func:`record_dbt_results`. The expectations are the JSON files
in ``suites``, each with the SQL query that reads the checked rows. A failed check does not
raise here: the job stops and the command line exits with an error.
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
