"""Run the pipeline with Dagster, as assets with checks, jobs, schedules and sensors.

A module defines the assets of one part of the pipeline, such as forecasts, or one kind of Dagster
object, such as jobs. Each asset calls a step of :mod:`rossmann_ml.pipeline` and reports the result
as metadata; ``rossmann_ml`` does all computing.
"""

from rossmann_ml.base import process

process.prepare()  # before a module of this package imports Dagster
