"""Publish from a terminal after evaluating the alert rules, as the weekly job does."""

from __future__ import annotations

from rossmann_ml.base.errors import RossmannError
from rossmann_ml.monitoring.alerts.watch import AlertReport, watch
from rossmann_ml.pipeline.steps import ALERT_RULES, PUBLISH, Run
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.status import FailedRun
from rossmann_ml.warehouse.session import Session


def watch_and_publish(session: Session, run: Run) -> tuple[PublishedGeneration, AlertReport]:
    """Evaluate the alert rules, then publish; a failed or held publication raises an alert.

    Returns:
        The published generation, and the report on the alerts before the publication.

    Raises:
        RossmannError: Publishing failed or was held; see
            :func:`rossmann_ml.publish.publishing.publish`.
    """
    report = ALERT_RULES(session, run)
    try:
        return PUBLISH(session, run), report
    except RossmannError as error:
        failed = FailedRun(run_id=run.run_id, reason=str(error), step="publish")
        watch(session, run_id=run.run_id, failure=failed)
        raise
