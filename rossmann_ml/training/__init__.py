"""Backtest, fit, tune and promote models, log them to MLflow, and write model cards."""
