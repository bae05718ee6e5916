"""Define the jobs (weekly run, retraining, backfill, replay), and run all services locally."""
