"""Find conditions that need a person, store them as alerts, and send them.

Entry point: :func:`rossmann_ml.monitoring.alerts.watch.watch`. The rules are in ``data_rules`` and
``forecast_rules``, webhook and e-mail in ``delivery``.
"""
