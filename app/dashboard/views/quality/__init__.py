"""The state of the data."""
