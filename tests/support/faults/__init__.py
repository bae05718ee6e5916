"""Cause faults of the weekly job, and compare its results with an undisturbed run."""
