"""``rossmann data``: status, landing, the sample, fetching, versions."""
