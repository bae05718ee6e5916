"""Measure speed, accuracy and the tests; see README.md."""
