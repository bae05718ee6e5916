"""Monitoring: what came of the forecasts, and what a person should look at.

Each module is one idea; they read the warehouse as the weekly job leaves it and write the tables
of the schema ``monitoring``.
"""
