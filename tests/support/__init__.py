"""Helpers that tests of several rooms share; no tests."""
