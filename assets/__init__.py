"""Run the product with Dagster: the chain as assets, with checks, jobs, schedules and sensors.

One module per part of the chain or concept of Dagster. An asset calls a step of
:mod:`rossmann_ml.pipeline` and reports its result as metadata; all computing is in the library.
"""

from rossmann_ml.base import process

process.prepare()  # before a module of this package imports Dagster
