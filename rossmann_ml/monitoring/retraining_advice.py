"""Advise a training between the scheduled ones, because of open alerts or a missed training.

Entry point: :func:`advise_retraining`. :mod:`rossmann_ml.monitoring.training_weeks` follows the
advice. Training is in :mod:`rossmann_ml.pipeline.retraining`; the gate decides whether the new
model serves.
"""

from __future__ import annotations

import duckdb

from rossmann_ml.base.params.alerts import RetrainingParams
from rossmann_ml.warehouse.tables import forecasting, models


def advise_retraining(
    connection: duckdb.DuckDBPyConnection, params: RetrainingParams, *, every_weeks: int
) -> str | None:
    """Return the reason for a training in the next weekly run; None if no training is due.

    A training is due in either case:

    - At least ``every_weeks`` weeks of sales are newer than the newest training's data. This
      happens if a scheduled training failed.
    - An alert of one of ``params.rules`` was raised after the newest training, is still open and is
      at least a warning. At least ``params.min_weeks`` weeks of sales must be newer than the
      training's data, because the same sales would give the same model.

    Args:
        connection: Connection to the pipeline's database.
        params: Names of the rules, and smallest number of weeks of new sales.
        every_weeks: Number of weeks between two scheduled trainings.

    Returns:
        The reason in words, with the alerts; None if no training is due, and before the first
        training or forecast.
    """
    newest = models.newest_training(connection)
    origin = forecasting.newest_origin_between(connection)
    if newest is None or origin is None:
        return None
    trained_through, trained_at = newest
    weeks = (origin - trained_through).days // 7
    if weeks >= every_weeks:
        return f"the newest training has not seen the last {weeks} weeks of sales"
    if weeks < params.min_weeks:
        return None
    alerts = connection.execute(
        """
        SELECT rule, subject FROM monitoring.alerts
        WHERE resolved_at IS NULL AND list_contains($rules, rule) AND raised_at > $trained_at
            AND severity IN ('warning', 'critical')
        ORDER BY raised_at, rule, subject
        """,
        {"rules": list(params.rules), "trained_at": trained_at},
    ).fetchall()
    if not alerts:
        return None
    named = ", ".join(f"{rule.replace('_', ' ')} ({subject})" for rule, subject in alerts)
    return f"{named}; the newest training has not seen the last {weeks} weeks of sales"
