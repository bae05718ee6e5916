"""``/stores``: what there is to know about a store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from app import queries
from app.api.dependencies import CurrentReading
from app.api.problems import ProblemError, describe
from app.api.schemas import ForecastDay, Provenance, StoreForecast

router = APIRouter(prefix="/stores", tags=["stores"], responses=describe(404, 422, 503))

StoreId = Annotated[
    int, Path(ge=1, le=2**31 - 1, description="The retailer's store number.", examples=[1])
]
Days = Annotated[
    int,
    Query(ge=1, le=queries.HORIZON_DAYS, description="Days after the origin.", examples=[42]),
]


@router.get("/{store_id}/forecast", summary="A store's newest forecast, day by day")
def store_forecast(
    reading: CurrentReading, store_id: StoreId, days: Days = queries.HORIZON_DAYS
) -> StoreForecast:
    """Expected sales with 80% and 95% bounds for the days after the newest origin.

    Closed days are present with 0. Days whose `plan_source` is `assumed` rest on a plan that was
    filled by rule, because the retailer's plan did not cover them.
    """
    store = queries.store(reading, store_id)
    if store is None:
        raise ProblemError(
            404, "unknown-store", "Unknown store", f"There is no store {store_id} in the data."
        )
    rows = queries.store_forecast(reading, store_id, days)
    if not rows:
        reason = store["not_forecast_reason"] or "it was not in the newest run"
        raise ProblemError(
            404,
            "store-not-forecast",
            "Store not forecast",
            f"Store {store_id} has no forecast from {reading.info.forecast_origin}: {reason}.",
        )
    return StoreForecast(
        store_id=store_id,
        provenance=Provenance.of(reading.info, rows[0]["model_version"]),
        days=[ForecastDay.model_validate(row) for row in rows],
    )
