"""Routes for monitoring: accuracy, drift, alerts, data quality, filled plans, runs, usage."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app.api.dependencies import PageAsked, ServingNow
from app.api.schemas import Day, OpenAlerts
from app.api.table_pages import answer_page, page_responses
from rossmann_ml.base.params.drift import DriftKind
from rossmann_ml.serving.status import read_status

router = APIRouter(tags=["monitoring"])

Severity = Literal["info", "warning", "critical"]
SegmentKind = Literal[
    "overall", "horizon_week", "store_type", "assortment", "state", "promo", "weekday"
]
OriginDay = Annotated[
    Day | None, Query(description="Only rows of this origin.", examples=["2015-06-19"])
]


@router.get(
    "/accuracy",
    summary="Accuracy of forecasts whose actuals are known",
    responses=page_responses("forecast_accuracy"),
)
async def accuracy(
    asked: PageAsked,
    segment_kind: Annotated[
        list[SegmentKind],
        Query(default_factory=list, max_length=10, description="May be repeated."),
    ],
    origin: OriginDay = None,
    forecast_kind: Annotated[
        Literal["served", "backfilled", "shadow"],
        Query(
            description="Published forecasts, those computed later for a past origin, or those of "
            "challengers in shadow."
        ),
    ] = "served",
) -> Response:
    """Return the accuracy of forecasts whose actuals are known, one row per vintage and segment.

    Columns that begin with `backtest_` have the accuracy of the same model in its backtest, for
    comparison.
    """
    filters = {
        "forecast_kind = ?": forecast_kind,
        "segment_kind = ANY(?)": segment_kind,
        "forecast_origin = ?": origin,
    }
    return await answer_page(asked, "forecast_accuracy", filters)


@router.get("/drift", summary="Drift of data and errors", responses=page_responses("drift_metrics"))
async def drift(
    asked: PageAsked,
    kind: Annotated[
        list[DriftKind],
        Query(default_factory=list, max_length=5, description="May be repeated."),
    ],
    is_drifted: Annotated[
        bool | None,
        Query(description="Only metrics that have reached their threshold, or only others."),
    ] = None,
    origin: OriginDay = None,
) -> Response:
    """Return how much plan, features, sales and forecasts differ from earlier ones.

    Each row is one drift measure at one origin, sorted by origin. Rows of kind `performance` have
    the errors of earlier forecasts for the week that ends at the origin.

    `reference_from` and `reference_to` are the first and last day of the earlier data:

    - plan, features and sales: data of about 52 weeks before;
    - `observed_by_weekday` (missing sales rows): the four weeks before the newest week;
    - forecasts: the target days that this vintage and the previous one have in common;
    - `assumed_plan`, `stores_off_level` and kind `performance`: null.
    """
    filters = {"kind = ANY(?)": kind, "is_drifted = ?": is_drifted, "forecast_origin = ?": origin}
    return await answer_page(asked, "drift_metrics", filters)


@router.get("/alerts", summary="Alerts as of the publication", responses=page_responses("alerts"))
async def alerts(
    asked: PageAsked,
    severity: Annotated[
        list[Severity],
        Query(default_factory=list, max_length=3, description="May be repeated."),
    ],
    is_open: Annotated[
        bool | None, Query(description="Only open alerts, or only resolved ones.")
    ] = None,
    rule: Annotated[
        str | None, Query(max_length=100, pattern="^[a-z_]+$", examples=["stale_data"])
    ] = None,
) -> Response:
    """Return open and resolved alerts as of the publication of the generation, oldest first.

    See `/alerts/open` for the alerts that are open as of the last run, which may be later.
    """
    filters = {
        "severity = ANY(?)": severity,
        "(resolved_at IS NULL) = ?": is_open,
        "rule = ?": rule,
    }
    return await answer_page(asked, "alerts", filters)


@router.get("/alerts/open", summary="Open alerts now")
def open_alerts(serving: ServingNow) -> OpenAlerts:
    """Return open alerts, and the generation that is held back, if there is one.

    Both are as of the last run, even if that run published nothing.
    """
    return OpenAlerts.model_validate(
        read_status(serving.settings.published_path), from_attributes=True
    )


@router.get(
    "/data_quality",
    summary="Results of all data checks",
    responses=page_responses("data_quality_results"),
)
async def data_quality(
    asked: PageAsked,
    is_success: Annotated[
        bool | None, Query(description="Only checks that passed, or only failed ones.")
    ] = None,
    severity: Annotated[
        Literal["error", "warning"] | None, Query(description="`error` stops the weekly job.")
    ] = None,
    run_id: Annotated[str | None, Query(max_length=200, pattern="^[A-Za-z0-9_-]+$")] = None,
) -> Response:
    """Return results of the checks by Great Expectations and of dbt tests, oldest first."""
    filters = {"is_success = ?": is_success, "severity = ?": severity, "run_id = ?": run_id}
    return await answer_page(asked, "data_quality_results", filters)


@router.get(
    "/plan_filling",
    summary="How often the rules that fill the plan were right",
    responses=page_responses("plan_filling_accuracy"),
)
async def plan_filling(
    asked: PageAsked,
    plan_column: Annotated[
        Literal["is_open", "is_promo", "state_holiday", "is_school_holiday"] | None,
        Query(description="Only rules that fill this column of the plan."),
    ] = None,
) -> Response:
    """Return how often the rules that fill gaps of the plan were right on past days.

    Each row is one rule in one week of the horizon. The list is empty while there is no past origin
    to compare.
    """
    return await answer_page(asked, "plan_filling_accuracy", {"plan_column = ?": plan_column})


@router.get(
    "/runs",
    summary="Runs that made forecasts",
    responses=page_responses("forecast_runs"),
)
async def runs(
    asked: PageAsked,
    run_kind: Annotated[Literal["weekly", "backfill"] | None, Query()] = None,
    origin: OriginDay = None,
) -> Response:
    """Return the runs that made forecasts, with the model, data and code of each, sorted by origin.

    See `/health` for the last failed run.
    """
    filters = {"run_kind = ?": run_kind, "forecast_origin = ?": origin}
    return await answer_page(asked, "forecast_runs", filters)


@router.get("/usage", summary="Usage of this API", responses=page_responses("api_usage"))
async def usage(
    asked: PageAsked,
    path: Annotated[
        str | None,
        Query(max_length=100, description="Template of a route, or `all` for whole days."),
    ] = None,
    since: Annotated[Day | None, Query(description="First day, UTC.")] = None,
) -> Response:
    """Return request counts, latency and error counts by day and path, as of the publication."""
    filters = {"path = ?": path, "usage_date >= ?": since}
    return await answer_page(asked, "api_usage", filters)
