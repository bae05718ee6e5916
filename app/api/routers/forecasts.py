"""Routes ``/forecasts`` and ``/totals``: forecasts for many stores by day, and sums by week."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app.api.dependencies import PageAsked, ServingNow, Words
from app.api.schemas import Day
from app.api.table_pages import TableQuestion, answer_page, page_responses

router = APIRouter(tags=["forecasts"])

StoreNumber = Annotated[int, Query(ge=1, le=2**31 - 1)]
Origin = Annotated[
    Literal["latest", "all"] | Day,
    Query(
        description="Forecast origin: `latest`, the day of a past origin, or `all`.",
        examples=["2015-07-24"],
    ),
]


def from_origin(question: TableQuestion, origin: Literal["latest", "all"] | date) -> TableQuestion:
    """Restrict a query to one forecast origin, ``latest`` or a date; ``all`` keeps all origins."""
    if origin == "latest":
        return question.where("forecast_origin = (SELECT max(forecast_origin) FROM forecasts)")
    return question if origin == "all" else question.where("forecast_origin = ?", origin)


@router.get("/forecasts", summary="Forecasts of many stores", responses=page_responses("forecasts"))
def forecasts(
    *,
    serving: ServingNow,
    asked: PageAsked,
    store_id: Annotated[
        list[StoreNumber],
        Query(
            default_factory=list,
            max_length=1000,
            description="May be repeated; matches any of the stores.",
            examples=[[1, 2]],
        ),
    ],
    first_date: Annotated[Day | None, Query(description="First target day.")] = None,
    last_date: Annotated[Day | None, Query(description="Last target day.")] = None,
    store_type: Words,
    assortment: Words,
    state: Words,
    origin: Origin = "latest",
) -> Response:
    """Return forecasts, one row per store and target day, ordered by origin, store and day.

    A repeated filter matches any of its values; rows must match all filters. With `origin=all` and
    one target day, the rows show how its forecast changed from week to week.
    """
    question = (
        from_origin(TableQuestion("forecasts"), origin)
        .any_of("store_id", store_id)
        .where("target_date >= ?", first_date)
        .where("target_date <= ?", last_date)
        .stores_with("store_type", store_type)
        .stores_with("assortment", assortment)
        .stores_with("state", state)
    )
    return answer_page(serving, asked, question)


@router.get(
    "/totals", summary="Sums of forecasts by week", responses=page_responses("forecast_totals")
)
def totals(
    *,
    serving: ServingNow,
    asked: PageAsked,
    level: Annotated[
        Literal["chain", "store_type", "assortment", "state", "store"],
        Query(description="Level of the sums."),
    ] = "chain",
    segment: Words,
    first_date: Annotated[Day | None, Query(description="First Monday.")] = None,
    last_date: Annotated[Day | None, Query(description="Last Monday.")] = None,
    origin: Origin = "latest",
) -> Response:
    """Return one forecast total per segment and week.

    The bounds are calibrated for the total; they are not sums of daily bounds.
    """
    question = (
        from_origin(TableQuestion("forecast_totals"), origin)
        .where("level = ?", level)
        .any_of("segment", segment)
        .where("week_start >= ?", first_date)
        .where("week_start <= ?", last_date)
    )
    return answer_page(serving, asked, question)
