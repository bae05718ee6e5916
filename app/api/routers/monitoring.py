"""Routes for monitoring: accuracy, drift, alerts, data quality, runs and API usage."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app.api.dependencies import PageAsked, ServingNow
from app.api.schemas import Day, OpenAlerts
from app.api.table_pages import TableQuestion, answer_page, page_responses
from rossmann_ml.base.drift_params import DriftKind
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
def accuracy(
    serving: ServingNow,
    asked: PageAsked,
    segment_kind: Annotated[
        list[SegmentKind],
        Query(default_factory=list, max_length=10, description="May be repeated."),
    ],
    origin: OriginDay = None,
    forecast_kind: Annotated[
        Literal["served", "shadow"],
        Query(description="Published forecasts, or those of challengers in shadow."),
    ] = "served",
) -> Response:
    """Return error, bias, coverage and skill by origin and segment, next to backtest figures."""
    question = (
        TableQuestion("forecast_accuracy")
        .where("forecast_kind = ?", forecast_kind)
        .any_of("segment_kind", segment_kind)
        .where("forecast_origin = ?", origin)
    )
    return answer_page(serving, asked, question)


@router.get("/drift", summary="Drift of data and errors", responses=page_responses("drift_metrics"))
def drift(
    serving: ServingNow,
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
    """Return how far plan, features, sales and forecasts are from the same season a year before.

    Kind `performance` has the errors of recent forecasts.
    """
    question = (
        TableQuestion("drift_metrics")
        .any_of("kind", kind)
        .where("is_drifted = ?", is_drifted)
        .where("forecast_origin = ?", origin)
    )
    return answer_page(serving, asked, question)


@router.get("/alerts", summary="Alerts as of the publication", responses=page_responses("alerts"))
def alerts(
    serving: ServingNow,
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
    """Return open and resolved alerts as of the newest publication, oldest first."""
    question = (
        TableQuestion("alerts")
        .any_of("severity", severity)
        .where("(resolved_at IS NULL) = ?", is_open)
        .where("rule = ?", rule)
    )
    return answer_page(serving, asked, question)


@router.get("/alerts/open", summary="Open alerts now")
def open_alerts(serving: ServingNow) -> OpenAlerts:
    """Return open alerts and the held publication as of the last run, even if that failed."""
    status = read_status(serving.settings.published_path)
    return OpenAlerts.model_validate(
        {
            "alerts": [alert.model_dump() for alert in status.alerts],
            "held_publish": status.held_publish and status.held_publish.model_dump(),
            "retraining_advice": status.retraining_advice,
        }
    )


@router.get(
    "/data_quality",
    summary="Results of all data checks",
    responses=page_responses("data_quality_results"),
)
def data_quality(
    serving: ServingNow,
    asked: PageAsked,
    is_success: Annotated[
        bool | None, Query(description="Only checks that passed, or only failed ones.")
    ] = None,
    severity: Annotated[
        Literal["error", "warning"] | None, Query(description="`error` stops the weekly job.")
    ] = None,
    run_id: Annotated[str | None, Query(max_length=200, pattern="^[A-Za-z0-9_-]+$")] = None,
) -> Response:
    """Return the results of Great Expectations checks and dbt tests, oldest first."""
    question = (
        TableQuestion("data_quality_results")
        .where("is_success = ?", is_success)
        .where("severity = ?", severity)
        .where("run_id = ?", run_id)
    )
    return answer_page(serving, asked, question)


@router.get(
    "/runs",
    summary="Runs that made forecasts",
    responses=page_responses("forecast_runs"),
)
def runs(
    serving: ServingNow,
    asked: PageAsked,
    run_kind: Annotated[Literal["weekly", "backfill"] | None, Query()] = None,
    origin: OriginDay = None,
) -> Response:
    """Return runs with their model, data and code versions, ordered by forecast origin.

    See `/health` for the last failed run.
    """
    question = (
        TableQuestion("forecast_runs")
        .where("run_kind = ?", run_kind)
        .where("forecast_origin = ?", origin)
    )
    return answer_page(serving, asked, question)


@router.get("/usage", summary="Usage of this API", responses=page_responses("api_usage"))
def usage(
    serving: ServingNow,
    asked: PageAsked,
    path: Annotated[
        str | None,
        Query(max_length=100, description="Template of a route, or `all` for whole days."),
    ] = None,
    since: Annotated[Day | None, Query(description="First day, UTC.")] = None,
) -> Response:
    """Return the numbers of requests and errors and the latency, by day and path.

    Requests after the newest publication are not included.
    """
    question = TableQuestion("api_usage").where("path = ?", path).where("usage_date >= ?", since)
    return answer_page(serving, asked, question)
