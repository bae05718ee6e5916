"""Generate a synthetic chain of stores in the files of the Kaggle competition.

Entry points: :func:`write_sample`, :func:`write_next_week`. The data are for trials, tests and
benchmarks: no other code may depend on how they are generated.
"""

from rossmann_ml.ingest.sample.next_week import NextWeek, write_next_week
from rossmann_ml.ingest.sample.writer import SampleSummary, write_sample

__all__ = ["NextWeek", "SampleSummary", "write_next_week", "write_sample"]
