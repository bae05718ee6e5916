"""Dagster's view of the product: the chain as assets, with checks, jobs, a schedule and a sensor.

One module per part of the chain or concept of Dagster. An asset calls :mod:`rossmann_ml` and
reports what came of it; nothing is computed here, and nothing else imports this package.
"""
