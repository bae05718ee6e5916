"""Routes below ``/stores``: all stores, and one store's forecast, history and revisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from app.api import queries
from app.api.dependencies import (
    CACHING,
    CurrentReading,
    IfNoneMatch,
    PageAsked,
    RequestNotes,
    ServingNow,
    Words,
    check_known,
)
from app.api.problems import ProblemError, describe
from app.api.row_models import row_model
from app.api.schemas import Day, ForecastDay, Provenance, StoreForecast
from app.api.serving import Serving
from app.api.table_pages import TableQuestion, answer_page, page_responses
from app.published import Reading
from app.queries import HORIZON_DAYS, store

router = APIRouter(prefix="/stores", tags=["stores"])

StoreId = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the store.", examples=[1])]
Days = Annotated[
    int, Query(ge=1, le=HORIZON_DAYS, description="Number of days after the origin.", examples=[42])
]
_NOT_MODIFIED = {"description": "The caller has the current answer."}


@router.get("", summary="All stores", responses=page_responses("stores"))
def stores(
    *,
    serving: ServingNow,
    asked: PageAsked,
    store_type: Words,
    assortment: Words,
    state: Words,
    is_forecast: bool | None = None,
) -> Response:
    """Return the stores in the newest store file; a repeated filter matches any of its values."""
    question = (
        TableQuestion("stores")
        .any_of("store_type", store_type)
        .any_of("assortment", assortment)
        .any_of("state", state)
        .where("is_forecast = ?", is_forecast)
    )
    return answer_page(serving, asked, question)


@router.get(
    "/{store_id}",
    summary="One store",
    response_model=row_model("stores"),
    responses={
        304: _NOT_MODIFIED,
        **describe("unknown-store", "invalid-value", "no-generation"),
    },
)
def one_store(reading: CurrentReading, notes: RequestNotes, store_id: StoreId) -> dict[str, object]:
    """Return a store's type, assortment, state and competitor, and whether it has a forecast."""
    notes.stores = 1
    return _known_store(reading, store_id)


@router.get(
    "/{store_id}/forecast",
    summary="A store's forecast, day by day",
    response_model=StoreForecast,
    responses={
        304: _NOT_MODIFIED,
        **describe(
            "unknown-store",
            "store-not-forecast",
            "unknown-origin",
            "invalid-value",
            "no-generation",
        ),
    },
)
async def store_forecast(
    *,
    serving: ServingNow,
    notes: RequestNotes,
    store_id: StoreId,
    days: Days = HORIZON_DAYS,
    origin: Annotated[
        Day | None,
        Query(description="Day of a past origin; by default the newest.", examples=["2015-07-24"]),
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return expected sales with 80% and 95% bounds for the days after a forecast origin.

    Expected sales are 0 on closed days. A `plan_source` of `assumed` means that a rule filled in
    the plan of the day, because the retailer's plan does not cover it. Forecasts from past origins
    are shown with the promotions and holidays known today.
    """
    notes.stores = 1
    if origin is not None:
        return await run_in_threadpool(
            _past_forecast,
            serving=serving,
            notes=notes,
            store_id=store_id,
            days=days,
            origin=origin,
            if_none_match=if_none_match,
        )
    # the newest forecast is in memory as bytes, so it needs no thread and no query
    stored = serving.stored_now()
    if stored is None:
        stored = await run_in_threadpool(serving.stored)
    notes.generation_id = stored.generation_id
    content = stored.answer(store_id, days)
    if content is None:
        raise _no_forecast(store_id, stored.reasons, stored.forecast_origin)
    check_known(if_none_match, stored.etag)
    return Response(
        content,
        media_type="application/json",
        headers={"ETag": stored.etag, "Cache-Control": CACHING},
    )


def _past_forecast(
    *,
    serving: Serving,
    notes: RequestNotes,
    store_id: int,
    days: int,
    origin: date,
    if_none_match: str | None,
) -> Response:
    with serving.reader.reading() as reading:
        notes.generation_id = reading.info.generation_id
        known = _known_store(reading, store_id)
        rows = queries.forecast_of_origin(reading, store_id, origin, days)
        if not rows:
            if not queries.has_origin(reading, origin):
                raise ProblemError(
                    "unknown-origin",
                    f"There are no forecasts from {origin} in generation "
                    f"{reading.info.generation_id}; /runs lists the origins.",
                )
            raise _no_forecast(store_id, {store_id: known["not_forecast_reason"]}, origin)
        etag = f'"{reading.info.generation_id}"'
        check_known(if_none_match, etag)
        provenance = Provenance.of(reading.info, rows[0]["model_version"]).model_copy(
            update={"forecast_origin": origin}
        )
        answer = StoreForecast(
            store_id=store_id,
            provenance=provenance,
            days=[ForecastDay.model_validate(row) for row in rows],
        )
        return Response(
            answer.model_dump_json(),
            media_type="application/json",
            headers={"ETag": etag, "Cache-Control": CACHING},
        )


@router.get(
    "/{store_id}/history",
    summary="A store's sales, day by day",
    responses=page_responses("daily_sales", "unknown-store"),
)
def store_history(
    *,
    serving: ServingNow,
    asked: PageAsked,
    store_id: StoreId,
    first_date: Day | None = None,
    last_date: Day | None = None,
) -> Response:
    """Return sales, customers and plan by day, oldest first.

    Sales and customers are null on days that no file has a row for.
    """
    _require_store(serving, store_id)
    question = (
        TableQuestion("daily_sales")
        .where("store_id = ?", store_id)
        .where("sales_date >= ?", first_date)
        .where("sales_date <= ?", last_date)
    )
    return answer_page(serving, asked, question)


@router.get(
    "/{store_id}/revisions",
    summary="Revisions of a store's forecasts between origins",
    responses=page_responses("forecast_revisions", "unknown-store"),
)
def store_revisions(
    *,
    serving: ServingNow,
    asked: PageAsked,
    store_id: StoreId,
    target_date: Annotated[Day | None, Query(description="Only forecasts of this day.")] = None,
) -> Response:
    """Return each forecast for a day, next to the forecast for it from the previous origin."""
    _require_store(serving, store_id)
    question = (
        TableQuestion("forecast_revisions")
        .where("store_id = ?", store_id)
        .where("target_date = ?", target_date)
    )
    return answer_page(serving, asked, question)


def _require_store(serving: Serving, store_id: int) -> None:
    stored = serving.stored()
    if store_id not in stored.reasons and stored.answer(store_id, 1) is None:
        raise _unknown(store_id)


def _known_store(reading: Reading, store_id: int) -> dict[str, object]:
    found = store(reading, store_id)
    if found is None:
        raise _unknown(store_id)
    return found


def _unknown(store_id: int) -> ProblemError:
    return ProblemError("unknown-store", f"There is no store {store_id} in the data.")


def _no_forecast(store_id: int, reasons: Mapping[int, Any], origin: date) -> ProblemError:
    if store_id not in reasons:
        return _unknown(store_id)
    reason = reasons[store_id] or "it was not in that run"
    return ProblemError(
        "store-not-forecast", f"Store {store_id} has no forecast from {origin}: {reason}."
    )
