"""From the retailer's files to the tables of schema ``raw``.

Ingest decides only whether a row can be stored, and keeps every version of it. Joining, Kaggle's
quirks and the filled calendar are dbt's; whether values are plausible is for the quality checks.
"""

from rossmann_ml.ingest.landing import land_incoming, land_raw
from rossmann_ml.ingest.report import FileLanding, LandingReport

__all__ = ["FileLanding", "LandingReport", "land_incoming", "land_raw"]
