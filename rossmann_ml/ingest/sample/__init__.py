"""Generate a synthetic chain of stores in the files of the Kaggle competition.

Entry point: :func:`write_sample`. The data are for trials, tests and benchmarks: no other code may
depend on how they are generated.
"""

from rossmann_ml.ingest.sample.writer import SampleSummary, write_sample

__all__ = ["SampleSummary", "write_sample"]
