"""Monitor accuracy and drift, raise alerts, and decide when a training is due.

``accuracy`` compares forecasts with actual sales, ``drift`` compares new data with earlier data,
``alerts`` evaluates rules and sends alerts, ``retraining_advice`` and ``training_weeks`` decide
when to train. Accuracy is stored in schema ``marts``, drift and alerts in schema ``monitoring``.
"""
