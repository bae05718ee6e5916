"""Monitoring: accuracy of past forecasts, drift, alerts and advice on training.

``accuracy`` measures, ``drift`` compares, ``alerts`` evaluates the rules and sends,
``retraining_advice`` and ``training_weeks`` say when to train. They read the warehouse as the
weekly job leaves it and write the tables of the schema ``monitoring``.
"""
