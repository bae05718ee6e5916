"""Dagster only: assets, checks, jobs, schedules, sensors and resources.

Nothing is computed here. An asset says what depends on what, calls ``rossmann_ml`` and reports
what came of it.
"""
