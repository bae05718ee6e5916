"""API and dashboard: read-only views of the published generation.

This package never writes to the warehouse and never imports the orchestrator.
"""
