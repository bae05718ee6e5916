"""The read-only layer: an API and a dashboard over the published generation.

Nothing here writes to the warehouse or imports the orchestrator.
"""
