"""Publishing from a terminal with the alert rules asked before, as the weekly job does it."""

from __future__ import annotations

from rossmann_ml.errors import RossmannError
from rossmann_ml.monitoring.alerts import AlertReport, watch
from rossmann_ml.params import Params
from rossmann_ml.publish.publishing import AcceptedJump, PublishedGeneration, publish
from rossmann_ml.publish.status import FailedRun
from rossmann_ml.settings import Settings


def watch_and_publish(
    settings: Settings, params: Params, *, run_id: str, accepted_jump: AcceptedJump | None = None
) -> tuple[PublishedGeneration, AlertReport]:
    """Ask the alert rules, then publish; a publication that fails or is held is an alert too.

    Args:
        settings: Where warehouse and published files are.
        params: Rules, limits and how much is kept.
        run_id: The run that publishes.
        accepted_jump: As of :func:`rossmann_ml.publish.publish`.

    Raises:
        RossmannError: As :func:`rossmann_ml.publish.publish`.
    """
    report = watch(settings, params, run_id=run_id, is_publishing=True)
    try:
        return publish(settings, params, run_id=run_id, accepted_jump=accepted_jump), report
    except RossmannError as error:
        failed = FailedRun(run_id=run_id, reason=str(error), step="publish")
        watch(settings, params, run_id=run_id, failure=failed)
        raise
