"""Define the jobs (weekly run, retraining, backfill, replay), and run all services locally.

A job is a list of the functions in ``steps``. Dagster (``assets``) and the commands run the jobs.
"""
