"""``/health``: is the process alive, and what does it read?"""

from __future__ import annotations

from fastapi import APIRouter

from app.api.dependencies import Reader
from app.api.schemas import FailedRunSummary, Health
from rossmann_ml.errors import NoDataError, PublishError
from rossmann_ml.publish import read_status

router = APIRouter(tags=["operation"])


@router.get("/health", summary="Whether the process answers, and from which generation")
def health(reader: Reader) -> Health:
    """Always 200 while the process lives; `no_generation` before the first publication."""
    failed = read_status(reader.published_path).last_failed_run
    summary = None
    if failed is not None and not failed.is_resolved:
        summary = FailedRunSummary.model_validate(failed.model_dump())
    try:
        with reader.reading() as reading:
            return Health(
                status="ok",
                generation_id=reading.info.generation_id,
                forecast_origin=reading.info.forecast_origin,
                published_at=reading.info.published_at,
                failed_run=summary,
            )
    except (NoDataError, PublishError):
        return Health(status="no_generation", failed_run=summary)
