"""Whether a training is due besides those of the calendar.

Only advice: the schedule follows it, a person may. What a training does is
:mod:`rossmann_ml.pipeline.retraining`'s matter, whether its model serves the gate's.
"""

from __future__ import annotations

import duckdb

from rossmann_ml.base.alert_params import RetrainingParams
from rossmann_ml.warehouse.tables import forecasting, models


def advise_retraining(
    connection: duckdb.DuckDBPyConnection, params: RetrainingParams, *, every_weeks: int
) -> str | None:
    """Say why to train, if there is a reason.

    There is one when an alert of the rules named is open, is at least a warning, and came after
    the newest training, and when enough weeks of sales have come in that this training has not
    seen: training again on the same sales would bring the same model. There is one too when the
    training of the calendar did not come, since its week's run stopped before it.

    Args:
        connection: The pipeline's database.
        params: Which rules, and how many weeks.
        every_weeks: ``training.retrain_every_weeks``.

    Returns:
        The reason in words, with the alerts; None when there is none.
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
