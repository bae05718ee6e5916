"""The forecast of a changed plan."""
