"""Routes ``/health``, ``/ready`` and ``/metrics`` for operators."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from datetime import date
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from app.api.dependencies import ServingNow
from app.api.problems import ProblemError, describe
from app.api.schemas import Health, Readiness
from app.api.settings import ApiSettings
from app.published import OpenGeneration
from rossmann_ml.base.errors import NoDataError, PublishError
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import GenerationInfo
from rossmann_ml.serving.status import Status, read_status

router = APIRouter(tags=["operation"])


@router.get("/health", summary="State of the process and of the publication")
def health(serving: ServingNow) -> Health:
    """Return 200 while the process runs; `no_generation` means that no generation can be read."""
    news = _news(read_status(serving.settings.published_path))
    try:
        with serving.reader.reading() as reading:
            return Health(
                status="ok",
                generation_id=reading.info.generation_id,
                forecast_origin=reading.info.forecast_origin,
                published_at=reading.info.published_at,
                **news,
            )
    except (NoDataError, PublishError):
        return Health(status="no_generation", **news)


def _news(status: Status) -> dict[str, Any]:
    """Return the fields of :class:`Health` that do not come from a generation.

    `/health` needs no key, so the reason for a held publication, which names sales totals, is only
    in `/alerts/open`.
    """
    failed, held = status.last_failed_run, status.held_publish
    if failed is not None and held is not None and failed.run_id == held.run_id:
        failed = failed.model_copy(update={"reason": "held back, see /alerts/open"})
    return {
        "failed_run": failed.model_dump() if failed and not failed.is_resolved else None,
        "held_publish": held.model_dump() if held else None,
        "open_alerts": dict(Counter(alert.severity for alert in status.alerts)),
    }


@router.get(
    "/ready",
    summary="Whether forecasts can be answered and are recent enough",
    responses=describe("no-generation", "not-ready"),
)
def ready(serving: ServingNow, request: Request) -> Readiness:
    """Return 200 if the newest forecast origin is recent enough, else 503."""
    api: ApiSettings = request.app.state.api_settings
    generation = serving.reader.follow()
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
        what_if=_what_if(generation),
    )


def origin_age_days(info: GenerationInfo, settings: Settings) -> int:
    """Return the age of a generation's forecast origin in days.

    The age is counted up to ``settings.as_of`` or, if that is None, up to today. If the generation
    was published more than a day after its business date, its data are historical, and the age is
    counted up to this business date instead of today.
    """
    is_historical = (info.published_at.date() - info.product_today).days > 1
    today = settings.as_of or (info.product_today if is_historical else date.today())
    return (today - info.forecast_origin).days


def _what_if(generation: OpenGeneration) -> Literal["ready", "loading", "unavailable"]:
    future: Future[Any] = generation.prepared.scenarios
    if not future.done():
        return "loading"
    return "unavailable" if future.exception() else "ready"


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(serving: ServingNow) -> Response:
    """Return counts of requests and of dropped records, latencies, and the served generation."""
    return Response(serving.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
