"""Train models: backtest, fits, tuning, promotion gate, MLflow records and model cards."""
