"""Evaluate recipes: make forecasts at past origins, store them, and measure and compare errors."""
