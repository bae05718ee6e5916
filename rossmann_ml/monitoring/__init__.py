"""Monitor accuracy and drift, raise alerts, and decide when a training is due.

``accuracy`` and ``drift`` measure, ``alerts`` evaluates rules and sends alerts,
``retraining_advice`` and ``training_weeks`` decide on trainings. The package writes the tables of
schema ``monitoring``.
"""
