"""Routes ``/health``, ``/ready`` and ``/metrics`` for operators."""

from __future__ import annotations

from collections import Counter
from datetime import date

from fastapi import APIRouter, Request, Response

from app.api.dependencies import ServingNow
from app.api.problems import ProblemError, describe
from app.api.schemas import Health, Readiness
from app.api.serving import what_if_state
from app.api.settings import ApiSettings
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import GenerationInfo

router = APIRouter(tags=["operation"])


@router.get("/health", summary="State of the process and of the publication")
async def health(serving: ServingNow) -> Health:
    """Return the state of the process and of the published generation.

    The HTTP status is 200 as long as the process answers. If no generation can be read, as before
    the first publication, `status` is `no_generation`. `faults` has what does not work at the
    moment.
    """
    # without a thread of the pool, which other requests may use up, and without reading files
    status = serving.status
    failed, held = status.last_failed_run, status.held_publish
    # this needs no key, so the figures of a held publication are only in /alerts/open
    if failed and held and failed.run_id == held.run_id:
        failed = failed.model_copy(update={"reason": "held back, see /alerts/open"})
    answer: dict[str, object] = {
        "status": "no_generation",
        "faults": serving.faults(),
        "failed_run": failed if failed and not failed.is_resolved else None,
        "held_publish": held,
        "open_alerts": Counter(alert.severity for alert in status.alerts),
    }
    if serving.reader.opened is not None:
        answer |= {**serving.reader.opened.info.as_row(), "status": "ok"}
    return Health.model_validate(answer, from_attributes=True)


@router.get(
    "/ready",
    summary="Whether forecasts are available and recent enough",
    responses=describe("no-generation", "not-ready"),
)
async def ready(serving: ServingNow, request: Request) -> Readiness:
    """Return 200 if the newest forecast origin is recent enough to be used, else 503.

    The largest allowed age is the setting `ROSSMANN_API_MAX_ORIGIN_AGE_DAYS`. The status is also
    503 if no generation can be read, as before the first publication. The state of the
    what-if model has no influence on the status. `faults` has what else does not work.
    """
    api: ApiSettings = request.app.state.api_settings
    generation = serving.reader.opened
    if generation is None:
        fault = serving.reader.fault or NoDataError("nothing is published yet")
        raise fault.with_traceback(None)  # which would grow with every request
    info = generation.info
    age = origin_age_days(info, serving.settings)
    if age > api.max_origin_age_days:
        raise ProblemError(
            "not-ready",
            f"The newest origin, {info.forecast_origin}, is {age} days old; at most "
            f"{api.max_origin_age_days} days are allowed.",
        )
    return Readiness(
        generation_id=info.generation_id,
        forecast_origin=info.forecast_origin,
        origin_age_days=age,
        what_if=what_if_state(generation),
        faults=serving.faults(),
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
async def metrics(serving: ServingNow) -> Response:
    """Return request counts, latency and the served generation in the text format of Prometheus."""
    return Response(serving.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
