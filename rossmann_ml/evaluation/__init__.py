"""Evaluate recipes: backtests at past origins, stored folds, scores and comparisons."""
