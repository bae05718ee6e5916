"""Routes ``/health``, ``/ready`` and ``/metrics`` for operators."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import date
from typing import Literal

from fastapi import APIRouter, Request, Response

from app.api.dependencies import ServingNow
from app.api.problems import ProblemError, describe
from app.api.schemas import Health, Readiness
from app.api.settings import ApiSettings
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import GenerationInfo
from rossmann_ml.serving.status import Status, read_status

router = APIRouter(tags=["operation"])


@router.get("/health", summary="State of the process and of the publication")
def health(serving: ServingNow) -> Health:
    """Return the state of the process and of the published generation.

    If no generation can be read, as before the first publication, `status` is `no_generation`;
    the HTTP status is 200 nevertheless.
    """
    status = Status()
    with suppress(RossmannError):  # the file may not be readable for a moment
        status = read_status(serving.settings.published_path)
    failed, held = status.last_failed_run, status.held_publish
    # this needs no key, so the figures of a held publication are only in /alerts/open
    if failed and held and failed.run_id == held.run_id:
        failed = failed.model_copy(update={"reason": "held back, see /alerts/open"})
    answer: dict[str, object] = {
        "status": "no_generation",
        "failed_run": failed if failed and not failed.is_resolved else None,
        "held_publish": held,
        "open_alerts": Counter(alert.severity for alert in status.alerts),
    }
    with suppress(RossmannError):
        answer |= {**serving.reader.current().info.as_row(), "status": "ok"}
    return Health.model_validate(answer, from_attributes=True)


@router.get(
    "/ready",
    summary="Whether forecasts are available and recent enough",
    responses=describe("no-generation", "not-ready"),
)
def ready(serving: ServingNow, request: Request) -> Readiness:
    """Return 200 if the newest forecast origin is recent enough to be used, else 503.

    The largest allowed age is the setting `ROSSMANN_API_MAX_ORIGIN_AGE_DAYS`. The status is also
    503 if no generation can be read, as before the first publication. The state of the
    what-if model has no influence on the status.
    """
    api: ApiSettings = request.app.state.api_settings
    generation = serving.reader.current()
    info = generation.info
    age = origin_age_days(info, serving.settings)
    if age > api.max_origin_age_days:
        raise ProblemError(
            "not-ready",
            f"The newest origin, {info.forecast_origin}, is {age} days old; at most "
            f"{api.max_origin_age_days} days are allowed.",
        )
    what_if: Literal["ready", "loading", "unavailable"] = "loading"
    if generation.prepared.done():
        what_if = "unavailable" if generation.prepared.exception() else "ready"
    return Readiness(
        generation_id=info.generation_id,
        forecast_origin=info.forecast_origin,
        origin_age_days=age,
        what_if=what_if,
    )


def origin_age_days(info: GenerationInfo, settings: Settings) -> int:
    """Return the number of days from a generation's forecast origin to today.

    Today is ``settings.as_of`` if it is set. Otherwise, today is the calendar day for current data,
    and ``info.product_today`` for historical data, because historical data are old on every
    calendar day. Data are historical if the generation was published more than one day after
    ``info.product_today``, the business date of its publication.

    Args:
        info: Dates of the generation: its forecast origin, publication and business date.
        settings: Settings; ``as_of`` is None unless the environment sets the business date.
    """
    is_historical = (info.published_at.date() - info.product_today).days > 1
    today = settings.as_of or (info.product_today if is_historical else date.today())
    return (today - info.forecast_origin).days


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(serving: ServingNow) -> Response:
    """Return request counts, latency and the served generation in the text format of Prometheus."""
    with suppress(RossmannError):  # the gauge keeps the generation that is served
        serving.reader.current()
    return Response(serving.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
