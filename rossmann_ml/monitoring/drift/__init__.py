"""Measure drift of plan, features, sales, forecasts and errors.

Entry point: :func:`rossmann_ml.monitoring.drift.measure.measure_drift`.
"""
