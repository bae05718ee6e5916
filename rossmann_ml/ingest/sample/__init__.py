"""A made chain of stores in the files of the Kaggle competition: for trying, testing, measuring.

What belongs here: everything that invents data. Nothing here reads the retailer's files, and
nothing outside the sample, the tests and the benchmarks may rely on how it is invented.
"""

from rossmann_ml.ingest.sample.writer import SampleSummary, write_sample

__all__ = ["SampleSummary", "write_sample"]
