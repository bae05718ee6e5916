"""The jobs: the weekly run, retraining, backfill, replay, and the services on one machine."""
