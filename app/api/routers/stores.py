"""Routes below ``/stores``: all stores, and one store's forecast, history and revisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from threading import Lock
from typing import Annotated

import polars as pl
from cachetools import LRUCache, cached
from fastapi import APIRouter, Depends, Path, Query, Response

from app import queries
from app.api.dependencies import (
    CACHING,
    NOT_MODIFIED,
    CurrentReading,
    PageAsked,
    RequestNotes,
    ServingNow,
    Words,
)
from app.api.problems import ProblemError, describe, invalid_value
from app.api.quantiles import LevelsAsked, with_quantiles
from app.api.row_models import row_model
from app.api.schemas import Day, ForecastDay, Provenance, StoreForecast, Whole
from app.api.table_pages import answer_page, page_responses
from app.published import Reading
from app.queries import Row
from rossmann_ml.base.params import LONGEST_HORIZON_DAYS
from rossmann_ml.serving.quantiles import SOURCES, percentile_name

router = APIRouter(prefix="/stores", tags=["stores"])

StoreId = Annotated[
    int, Path(ge=1, le=2**31 - 1, description="Number of the store.", examples=[1]), Whole
]
Days = Annotated[
    int | None,
    Query(
        ge=1,
        le=LONGEST_HORIZON_DAYS,
        description="Number of days after the origin, at most the horizon; by default all.",
        examples=[28],
    ),
    Whole,
]


def _known_store(reading: Reading, store_id: int) -> dict[str, object]:
    found = queries.store(reading, store_id)
    if found is None:
        raise ProblemError("unknown-store", f"There is no store {store_id} in the data.")
    return found


def known_store_id(serving: ServingNow, store_id: StoreId) -> int:
    """Return the store number in the request's path, after a check that the store exists.

    Raises:
        ProblemError: There is no such store.
    """
    with serving.reader.reading() as reading:
        _known_store(reading, store_id)
    return store_id


KnownStoreId = Annotated[int, Depends(known_store_id)]


@router.get("", summary="All stores", responses=page_responses("stores"))
async def stores(
    *,
    asked: PageAsked,
    store_type: Words,
    assortment: Words,
    state: Words,
    is_forecast: bool | None = None,
) -> Response:
    """Return the stores of the newest store file, ordered by store number.

    A repeated filter matches any of its values. `is_forecast=true` selects the stores for which the
    newest origin has forecasts, `is_forecast=false` all others.
    """
    filters = {
        "store_type = ANY(?)": store_type,
        "assortment = ANY(?)": assortment,
        "state = ANY(?)": state,
        "is_forecast = ?": is_forecast,
    }
    return await answer_page(asked, "stores", filters)


@router.get(
    "/{store_id}",
    summary="One store",
    response_model=row_model("stores"),
    responses={
        **NOT_MODIFIED,
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
        **NOT_MODIFIED,
        **describe(
            "unknown-store",
            "store-not-forecast",
            "unknown-origin",
            "invalid-value",
            "no-generation",
        ),
    },
)
def store_forecast(
    *,
    reading: CurrentReading,
    notes: RequestNotes,
    store_id: StoreId,
    days: Days = None,
    origin: Annotated[
        Day | None,
        Query(description="Day of a past origin; by default the newest.", examples=["2015-07-24"]),
    ] = None,
    levels: LevelsAsked,
) -> Response:
    """Return sales forecasts with 80% and 95% bounds for the days after a forecast origin.

    With `quantiles=0.7,0.95`, each day also has the fields `p70` and `p95`: the day's sales are
    below them with a probability of 70% and 95%.

    `total` is the unbiased total of these days; it is not the sum of the daily forecasts.

    Forecast and bounds are 0 on closed days. A `plan_source` of `assumed` means that a rule filled
    in the plan of the day, because the retailer's plan does not cover it; `not_selling` means that
    the store is closed, because its plan does not open it yet or leaves it out. Forecasts from past
    origins are shown with the promotions and holidays known today.
    """
    notes.stores = 1
    horizon_days = reading.info.horizon_days
    if days is not None and days > horizon_days:
        message = f"Input should be less than or equal to {horizon_days}"
        raise invalid_value("query.days", message, str(days))
    return Response(
        _encoded_forecast(reading, store_id, origin or reading.info.forecast_origin, days, levels),
        media_type="application/json",
        headers={"ETag": f'"{reading.info.generation_id}"', "Cache-Control": CACHING},
    )


@cached(
    LRUCache(maxsize=2_000),
    key=lambda reading, *asked: (reading.info.generation_id, *asked),
    lock=Lock(),
)
def _encoded_forecast(
    reading: Reading, store_id: int, origin: date, days: int | None, levels: tuple[float, ...]
) -> bytes:
    """Return a store's forecast as JSON, from a cache because most requests are for forecasts.

    Args:
        reading: Access to the generation; its id is part of the cache key.
        store_id: Number of the store.
        origin: Forecast origin.
        days: Number of days after the origin; None means the whole horizon.
        levels: Levels of the quantiles to add.

    Raises:
        ProblemError: The store is unknown, or has no forecast from this origin.
    """
    known = _known_store(reading, store_id)
    rows = queries.store_forecast(reading, store_id, origin, days)
    if rows:
        provenance = Provenance.of(reading.info, rows[0]["model_version"])
        provenance.forecast_origin = origin
        frame = with_quantiles(reading, pl.DataFrame(rows), levels, SOURCES["forecasts"])
        shown = {*ForecastDay.model_fields, *(percentile_name(level) for level in levels)}
        answer = StoreForecast.model_validate(
            {
                "store_id": store_id,
                "provenance": provenance,
                "total": _total(reading, store_id, origin, rows),
                "days": frame.select(name for name in frame.columns if name in shown).to_dicts(),
            }
        )
        return answer.model_dump_json().encode()
    if not reading.rows("FROM forecasts WHERE forecast_origin = ? LIMIT 1", [origin]):
        raise ProblemError(
            "unknown-origin",
            f"There are no forecasts from {origin} in generation "
            f"{reading.info.generation_id}; /runs lists the origins.",
        )
    is_newest = origin == reading.info.forecast_origin
    reason = (is_newest and known["not_forecast_reason"]) or "it was not in that run"
    raise ProblemError(
        "store-not-forecast", f"Store {store_id} has no forecast from {origin}: {reason}."
    )


def _total(
    reading: Reading, store_id: int, origin: date, rows: Sequence[Row]
) -> Mapping[str, object]:
    total = queries.horizon_total(reading, "store", str(store_id), origin, len(rows))
    if total is not None:
        return total
    day_sum = sum(row["sales_forecast"] for row in rows)
    return {
        "sales_forecast": day_sum,
        "sales_unbiased": day_sum * queries.unbiased_factor(reading, origin),
        **dict.fromkeys(("lower_80", "upper_80", "lower_95", "upper_95")),
    }


@router.get(
    "/{store_id}/history",
    summary="A store's sales, day by day",
    responses=page_responses("daily_sales", "unknown-store"),
)
async def store_history(
    *,
    asked: PageAsked,
    store_id: KnownStoreId,
    first_date: Day | None = None,
    last_date: Day | None = None,
) -> Response:
    """Return a store's sales, customers, opening, promotion and holidays by day, oldest first.

    The values are null on days that the retailer's files have no row for.
    """
    filters = {
        "store_id = ?": store_id,
        "sales_date >= ?": first_date,
        "sales_date <= ?": last_date,
    }
    return await answer_page(asked, "daily_sales", filters)


@router.get(
    "/{store_id}/revisions",
    summary="Revisions of a store's forecasts between origins",
    responses=page_responses("forecast_revisions", "unknown-store"),
)
async def store_revisions(
    *,
    asked: PageAsked,
    store_id: KnownStoreId,
    target_date: Annotated[Day | None, Query(description="Only forecasts of this day.")] = None,
) -> Response:
    """Return how a store's forecasts changed from one origin to the next.

    Each row has the forecast of a day from one origin, the forecast of the same day from the origin
    before, and the change (later minus earlier forecast).
    """
    filters = {"store_id = ?": store_id, "target_date = ?": target_date}
    return await answer_page(asked, "forecast_revisions", filters)
