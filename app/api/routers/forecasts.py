"""Routes for many stores: forecasts by day, totals by week, and totals of the first days."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app.api.dependencies import PageAsked, Words
from app.api.quantiles import LevelsAsked
from app.api.schemas import Day, Whole
from app.api.table_pages import answer_page, page_responses

router = APIRouter(tags=["forecasts"])

StoreNumber = Annotated[int, Query(ge=1, le=2**31 - 1), Whole]
Origin = Annotated[
    Literal["latest", "all"] | Day,
    Query(
        description="Forecast origin: `latest`, the day of a past origin, or `all`.",
        examples=["2015-07-24"],
    ),
]

Level = Annotated[
    Literal["chain", "store_type", "assortment", "state", "store"],
    Query(description="Level of the totals."),
]


def of_origin(origin: Literal["latest", "all"] | date) -> dict[str, object]:
    """Build the filter of :func:`answer_page` that keeps the rows of one forecast origin.

    Args:
        origin: ``latest`` for the newest origin in the table ``forecasts``, the day of an origin,
            or ``all`` to keep the rows of every origin.

    Returns:
        One SQL condition with a ``?``, mapped to the value of this ``?``. For ``all`` the value is
        None, because :func:`answer_page` ignores a condition whose value is None.
    """
    if origin == "latest":
        return {"(forecast_origin = (SELECT max(forecast_origin) FROM forecasts)) = ?": True}
    return {"forecast_origin = ?": None if origin == "all" else origin}


@router.get("/forecasts", summary="Forecasts of many stores", responses=page_responses("forecasts"))
async def forecasts(
    *,
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
    levels: LevelsAsked,
) -> Response:
    """Return forecasts, one row per store and target day, ordered by origin, store and day.

    A repeated filter matches any of its values; rows must match all filters. With `origin=all` and
    one target day, the rows show how the forecasts of that day changed from week to week. Do not
    add up the rows: `/totals` has unbiased totals.
    """
    filters = {
        **of_origin(origin),
        "store_id = ANY(?)": store_id,
        "target_date >= ?": first_date,
        "target_date <= ?": last_date,
        "store_id IN (SELECT store_id FROM stores WHERE store_type = ANY(?))": store_type,
        "store_id IN (SELECT store_id FROM stores WHERE assortment = ANY(?))": assortment,
        "store_id IN (SELECT store_id FROM stores WHERE state = ANY(?))": state,
    }
    return await answer_page(asked, "forecasts", filters, levels)


@router.get("/totals", summary="Totals by week", responses=page_responses("forecast_totals"))
async def totals(
    *,
    asked: PageAsked,
    level: Level = "chain",
    segment: Words,
    first_date: Annotated[Day | None, Query(description="First Monday.")] = None,
    last_date: Annotated[Day | None, Query(description="Last Monday.")] = None,
    origin: Origin = "latest",
    levels: LevelsAsked,
) -> Response:
    """Return weekly totals of the forecasts, one row per origin, segment of the `level` and week.

    Plan with `sales_unbiased`. `sales_forecast` is the sum of the daily forecasts, which is one or
    two percent lower, because each daily forecast minimises the error in percent. `first_date` and
    `last_date` select weeks by their Monday. The first and the last week of an origin contain only
    the days inside the horizon. Each interval is computed for the weekly total, because sums of the
    daily bounds would be too wide.
    """
    filters = {
        **of_origin(origin),
        "level = ?": level,
        "segment = ANY(?)": segment,
        "week_start >= ?": first_date,
        "week_start <= ?": last_date,
    }
    return await answer_page(asked, "forecast_totals", filters, levels)


@router.get(
    "/totals/horizon",
    summary="Totals of the first days",
    responses=page_responses("forecast_horizon_totals"),
)
async def horizon_totals(
    *,
    asked: PageAsked,
    level: Level = "chain",
    segment: Words,
    days: Annotated[
        int | None, Query(ge=1, le=91, description="Number of days in the total."), Whole
    ] = None,
    origin: Origin = "latest",
    levels: LevelsAsked,
) -> Response:
    """Return totals of the first days after the origin, one row per segment and number of days.

    There are totals of 7, 14, 28 and 42 days, as far as they are inside the horizon, and of the
    whole horizon. Plan with `sales_unbiased`, as in `/totals`. The interval of several weeks is
    narrower than the sum of the weeks' intervals.
    """
    filters = {
        **of_origin(origin),
        "level = ?": level,
        "segment = ANY(?)": segment,
        "days = ?": days,
    }
    return await answer_page(asked, "forecast_horizon_totals", filters, levels)
