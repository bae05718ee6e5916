"""Evaluate recipes: forecast from past origins, store the forecasts, measure and compare errors.

``baselines`` computes the simple forecasts with which models are compared.
"""
