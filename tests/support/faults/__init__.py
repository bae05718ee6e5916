"""Faults of the weekly job: making them, and judging what is left."""
