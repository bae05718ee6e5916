"""Monitor accuracy, drift and usage, raise alerts, and decide when a training is due.

``accuracy``, ``drift`` and ``usage`` measure, ``alerts`` evaluates rules and sends alerts,
``retraining_advice`` and ``training_weeks`` decide on trainings. The package writes the tables of
schema ``monitoring``.
"""
