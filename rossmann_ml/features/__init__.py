"""Compute features from a plan, a sales history and a forecast origin, with pure functions.

``plan`` computes features from the plan, ``history`` from sales up to the origin. Both are packages
with one module per feature group (features that are computed together). Training, weekly forecasts,
backtests and what-if forecasts call the same functions. Only :mod:`rossmann_ml.features.inputs` and
:mod:`rossmann_ml.features.panels` access the warehouse.
"""
