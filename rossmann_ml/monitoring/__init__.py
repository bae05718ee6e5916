"""Monitoring: what came of the forecasts, and what a person should look at.

``accuracy`` and ``usage`` measure, ``drift`` compares, ``alerts`` evaluates the rules and sends,
``retraining_advice`` and ``training_weeks`` say when to train. They read the warehouse as the
weekly job leaves it and write the tables of the schema ``monitoring``.
"""
