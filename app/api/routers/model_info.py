"""Route ``/model_info``: the model that makes the forecasts."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query

from app import queries
from app.api.dependencies import NOT_MODIFIED, CurrentReading
from app.api.problems import ProblemError, describe
from app.api.schemas import ModelInfo, Provenance, Whole

router = APIRouter(
    tags=["model"],
    responses={
        **NOT_MODIFIED,
        **describe("unknown-model", "invalid-value", "no-generation"),
    },
)

Features = Annotated[
    int, Query(ge=0, le=500, description="Largest number of features, the strongest first."), Whole
]


@router.get("/model_info", summary="The champion, its backtest and its strongest features")
def model_info(reading: CurrentReading, features: Features = 20) -> ModelInfo:
    """Return the champion, the decision that promoted it, its backtest and its strongest features.

    In the backtest, the recipe was fitted again at each past origin on the data known then, so that
    accuracy is never measured on days that a model was trained on. The blend, its members, the
    linear forecast and both baselines (seasonal naive, store-weekday-promo median) are measured on
    the same store-days.
    """
    version = reading.info.model_version
    champion = queries.model(reading, version)
    if champion is None:
        raise ProblemError("unknown-model", f"Nothing is recorded about model {version}.")
    promotion = queries.newest_promotion(reading, version)
    if promotion is not None:
        promotion["figures"] = json.loads(promotion["figures"])
    return ModelInfo.model_validate(
        {
            "provenance": Provenance.of(reading.info),
            "champion": champion,
            "promotion": promotion,
            "backtest": queries.backtest(reading, version),
            "importances": queries.importances(reading, version, features),
        }
    )
