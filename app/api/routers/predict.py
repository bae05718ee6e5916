"""Routes ``/predict`` and ``/predict_batch``: forecasts for a changed plan (what-if requests)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query, Request, Response

from app.api.dependencies import RequestNotes, ServingNow
from app.api.formats import MEDIA_TYPES, OTHER_FORMATS, Format, choose_format, encode
from app.api.problems import KINDS, ProblemError, describe
from app.api.quantiles import LevelsAsked, with_quantiles
from app.api.records.notes import Notes
from app.api.schemas import FORECAST_UNITS, Provenance
from app.api.serving import Serving
from app.api.what_if_schemas import PredictBatchBody, PredictBody, WhatIfAnswer
from rossmann_ml.serving.quantiles import SOURCES
from rossmann_ml.serving.what_if import PlanChange, Scenarios
from rossmann_ml.serving.what_if_totals import ScenarioTotals

router = APIRouter(tags=["what if"])

_PATIENCE_SECONDS = 30.0
_RECORDED_ENTRIES, _RECORDED_CHANGES = 100, 20
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": WhatIfAnswer,
        "description": "Forecasts. CSV, Parquet and Arrow (a stream) contain only the rows; the "
        "headers `X-Generation-ID` and `X-Model-Version` have their provenance.",
        "content": OTHER_FORMATS,
    },
    **describe(
        "bad-request",
        "unknown-store",
        "store-not-forecast",
        "not-acceptable",
        "too-slow",
        "too-large",
        "invalid-value",
        "date-outside-horizon",
        "no-generation",
        "what-if-unavailable",
    ),
}
FormatAsked = Annotated[
    Format | None, Query(alias="format", description="Format of the rows; overrides `Accept`.")
]


@router.post("/predict", summary="What-if request about one store", responses=_RESPONSES)
async def predict(
    serving: ServingNow,
    notes: RequestNotes,
    request: Request,
    body: PredictBody,
    form: FormatAsked = None,
    *,
    levels: LevelsAsked,
) -> Response:
    """Forecast the caller's plan with the model that made the published forecasts.

    Without changes the result equals the stored forecast to the last digit. A change also affects
    the days around it, because a promotion draws sales from the days before and after. The result
    is not stored.
    """
    chosen = choose_format(form, request.headers.get("accept"))
    work = partial(_answer, serving, notes, body, [body.store_id], form=chosen, levels=levels)
    return await serving.what_ifs.run(notes.caller, work)


@router.post("/predict_batch", summary="What-if request about many stores", responses=_RESPONSES)
async def predict_batch(
    serving: ServingNow,
    notes: RequestNotes,
    request: Request,
    body: PredictBatchBody,
    form: FormatAsked = None,
    *,
    levels: LevelsAsked,
) -> Response:
    """Forecast many stores, or all of them, under the caller's plan.

    A change applies to the stores in its `store_ids`, or without these to all stores in the
    request. What all stores share on a day beyond the linear forecast stays that of the published
    plan, so that a store's answer does not depend on which other stores are asked about. In all
    other respects, the route does the same as `/predict`.
    """
    chosen = choose_format(form, request.headers.get("accept"))
    work = partial(_answer, serving, notes, body, body.store_ids, form=chosen, levels=levels)
    return await serving.what_ifs.run(notes.caller, work)


def _answer(
    serving: Serving,
    notes: Notes,
    body: PredictBody | PredictBatchBody,
    store_ids: list[int] | None,
    *,
    form: Format,
    levels: tuple[float, ...],
) -> Response:
    generation = serving.reader.current()
    notes.generation_id = generation.info.generation_id
    scenarios = _scenarios(generation.prepared)
    first, last = body.first_date or scenarios.first_date, body.last_date or scenarios.last_date
    changes = [PlanChange(**each.model_dump()) for each in body.changes]
    rows = scenarios.score(store_ids, changes, first_date=first, last_date=last)
    with generation.reading() as reading:
        rows = with_quantiles(
            reading,
            rows.with_columns(forecast_origin=pl.lit(scenarios.forecast_origin)),
            levels,
            SOURCES["forecasts"],
        ).drop("forecast_origin")
    totals = rows.group_by("store_id", maintain_order=True).agg(
        pl.col("sales_forecast").sum(),
        # the sum is unknown if a part is unknown
        pl.when(pl.col("stored_forecast").null_count() == 0).then(pl.col("stored_forecast").sum()),
    )
    asked = body.model_dump(mode="json", exclude_none=True)["changes"]
    notes.stores = len(totals)
    notes.what_if = {
        "store_ids": _short(store_ids),
        "first_date": first,
        "last_date": last,
        "changes": [
            {name: _short(value) for name, value in each.items()}
            for each in asked[:_RECORDED_CHANGES]
        ],
        "model_version": scenarios.model_version,
        "forecasts": _short(totals.rows()),
    }
    head = {
        "provenance": Provenance.of(generation.info, scenarios.model_version).model_dump(
            mode="json"
        ),
        "units": FORECAST_UNITS,
        "totals": _totals(scenarios.totals, rows),
    }
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Generation-ID": generation.info.generation_id,
        "X-Model-Version": scenarios.model_version,
    }
    return Response(encode(rows, form, head), media_type=MEDIA_TYPES[form], headers=headers)


def _short(value: Any) -> Any:
    """Return the first 100 entries of a list, for the request log; any other value unchanged."""
    return value[:_RECORDED_ENTRIES] if isinstance(value, list) else value


def _scenarios(loading: Future[Scenarios]) -> Scenarios:
    try:
        failure = loading.exception(_PATIENCE_SECONDS)
    except TimeoutError:
        raise ProblemError(
            "what-if-unavailable",
            "The model of a new generation is loading; retry.",
            headers={"Retry-After": "5"},
        ) from None
    if failure is not None:  # the log has it; it may contain details of the code
        raise ProblemError("what-if-unavailable", KINDS["what-if-unavailable"].example)
    return loading.result()


def _totals(totals: ScenarioTotals, rows: pl.DataFrame) -> dict[str, object]:
    changed, stored = totals.total(rows), None
    if not rows["stored_forecast"].has_nulls():
        stored = float(rows["stored_forecast"].sum())
    difference = None if stored is None else changed.sales_forecast - stored
    return {
        **asdict(changed),
        "stored_forecast": stored,
        "difference": difference,
        "stored_unbiased": None if stored is None else stored * totals.factor,
        "difference_unbiased": None if difference is None else difference * totals.factor,
        "changed_store_days": int(rows["is_changed"].sum()),
    }
