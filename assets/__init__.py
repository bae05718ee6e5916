"""Run the pipeline with Dagster, as assets with checks, jobs, schedules and sensors.

There is one module per part of the pipeline or Dagster concept. Each asset calls a step of
:mod:`rossmann_ml.pipeline` and reports its result as metadata; ``rossmann_ml`` does all computing.
"""

from rossmann_ml.base import process

process.prepare()  # before a module of this package imports Dagster
