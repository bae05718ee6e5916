"""Drift: windows, distances, stores, reports."""
