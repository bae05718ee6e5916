"""Load the retailer's CSV files into the tables of schema ``raw``, keeping every version of a row.

Entry points: :func:`land_raw` for the whole history, :func:`land_incoming` for weekly drops. Ingest
checks only whether a row can be stored: joins and the filled calendar are in dbt, plausibility of
values is in :mod:`rossmann_ml.quality`.
"""

from rossmann_ml.ingest.landing import LandingReport, land_incoming, land_raw

__all__ = ["LandingReport", "land_incoming", "land_raw"]
