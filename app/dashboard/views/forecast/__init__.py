"""One store: its sales so far and its forecast."""
