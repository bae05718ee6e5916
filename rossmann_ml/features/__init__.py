"""Features: pure functions of a plan, a sales history and a forecast origin.

``plan`` features come from what the retailer knows in advance; ``history`` features from sales
with ``date <= origin``; both are packages with one module a feature group. Training, scoring,
backtests and what-if answers call these same functions. Nothing here reads the warehouse
(:mod:`rossmann_ml.features.inputs` does) or knows of models.
"""
