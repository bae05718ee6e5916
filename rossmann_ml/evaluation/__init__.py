"""Evaluate recipes: forecast from past origins, store the forecasts, measure and compare errors."""
