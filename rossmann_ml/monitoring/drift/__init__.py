"""Measure drift: how far plan, features, sales and forecasts are from those of an earlier window.

Entry point: :func:`rossmann_ml.monitoring.drift.measure.measure_drift`, which also measures the
forecast errors of the newest week.
"""
