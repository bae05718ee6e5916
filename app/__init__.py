"""API and dashboard, which show the published generation and change nothing.

This package never writes to the warehouse and never imports the orchestrator.
"""
