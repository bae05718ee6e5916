"""What answers look like: names, units and examples, as the OpenAPI document shows them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rossmann_ml.serving.generations import GenerationInfo


def _as_utc(value: object) -> object:
    """The warehouse's stamps are UTC without saying so; answers say so."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_out(value: object) -> object:
    """A day is written YYYY-MM-DD; numbers, which could pass for stamps, are refused."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    if type(value) is date:
        return value
    raise PydanticCustomError("day", "Input should be a day written YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_written_out)]
Instant = Annotated[datetime, BeforeValidator(_as_utc)]
Share = Annotated[float, Field(description="A fraction: 0.12 is 12%.", examples=[0.115])]
Money = Annotated[float, Field(description="EUR", examples=[5263.4])]


class Provenance(BaseModel):
    """What an answer was made from."""

    generation_id: str = Field(description="The published file.", examples=["3f1c9a2b7d40"])
    published_at: Instant = Field(examples=["2015-08-03T06:31:05Z"])
    forecast_origin: date = Field(
        description="The last day whose sales the forecasts knew.", examples=["2015-07-31"]
    )
    model_version: str = Field(examples=["blend-20150731-01234567"])
    data_version: str = Field(description="Fingerprint of the data.", examples=["fdad02e121bd"])
    data_set_name: str = Field(examples=["retailer"])
    is_synthetic: bool = Field(description="True: a made sample, not a retailer's data.")

    @classmethod
    def of(cls, info: GenerationInfo, model_version: str | None = None) -> Provenance:
        """From a generation, and the model that made the answer where its champion did not."""
        values = info.as_row()
        values["model_version"] = model_version or info.model_version
        return cls.model_validate(values)


FORECAST_UNITS = {"sales": "EUR per store and day"}


class ForecastDay(BaseModel):
    """One day of a store's forecast. Closed days are present with 0."""

    target_date: date = Field(examples=["2015-08-01"])
    horizon_days: int = Field(description="Days after the origin.", ge=1, le=42, examples=[1])
    is_open: bool
    is_promo: bool | None
    state_holiday: str | None = Field(
        description="`0` none, `a` public holiday, `b` Easter, `c` Christmas.", examples=["0"]
    )
    is_school_holiday: bool | None
    sales_forecast: Money
    lower_80: Money
    upper_80: Money
    lower_95: Money
    upper_95: Money
    plan_source: Literal["planned", "actual", "assumed"] = Field(
        description="`assumed`: the plan of the day was filled by rule."
    )


class StoreForecast(BaseModel):
    """A store's forecast of one origin."""

    store_id: int = Field(examples=[1])
    units: dict[str, str] = Field(
        default=FORECAST_UNITS,
        description="`sales` holds for the forecast and its bounds.",
    )
    provenance: Provenance
    days: list[ForecastDay]


class Champion(BaseModel):
    """The model that scores."""

    model_version: str = Field(examples=["blend-20150731-01234567"])
    family: str = Field(examples=["blend"])
    profile: str = Field(examples=["fast"])
    trained_through: date = Field(description="Newest day among the training targets.")
    training_rows: int
    rmspe_median: Share = Field(description="RMSPE in the backtest, median over its origins.")
    rmspe_mean: Share
    rmspe_spread: Share
    created_at: Instant
    recipe_hash: str
    git_commit: str
    mlflow_run_id: str


class Promotion(BaseModel):
    """Why it scores."""

    decided_at: Instant
    action: Literal["promoted", "rolled_back"]
    previous_model_version: str | None
    actor: str
    reason: str
    figures: dict[str, Any]


class BacktestScore(BaseModel):
    """Accuracy on one past origin, refitted with what was known then."""

    model: str = Field(description="The champion's kind, or a simple method on the same rows.")
    forecast_origin: date | None = Field(description="null: all origins together.")
    store_days: int
    rmspe: Share
    rmspe_median: Share = Field(
        description="The same at one origin; all together, the median over the origins."
    )
    mape: Share
    bias: Share
    skill: Share | None = Field(description="1 minus median RMSPE over that of seasonal naive.")
    coverage_80: Share | None
    coverage_95: Share | None


class Importance(BaseModel):
    """What a feature carried."""

    feature: str
    gain_share: Share
    splits: int


class ModelInfo(BaseModel):
    """The champion, why it is that, and how good it was on past origins."""

    provenance: Provenance
    champion: Champion
    promotion: Promotion | None
    backtest: list[BacktestScore]
    importances: list[Importance]


class FailedRunSummary(BaseModel):
    """The last run that published nothing, when none has succeeded since."""

    run_id: str
    at: Instant
    step: str
    reason: str


class HeldPublishSummary(BaseModel):
    """A generation that is held back, since its totals moved too far; readers keep the old one."""

    generation_id: str = Field(description="What would have been published.")
    forecast_origin: date
    run_id: str
    at: Instant


class HeldPublishDetail(HeldPublishSummary):
    """The same with why."""

    reason: str = Field(description="What moved, with figures and the stores that moved most.")


class OpenAlertSummary(BaseModel):
    """An alert whose condition is not over."""

    alert_id: str
    raised_at: Instant
    rule: str = Field(examples=["stale_data"])
    subject: str = Field(examples=["plan"])
    severity: Literal["info", "warning", "critical"]
    owner: str
    message: str
    link: str = Field(description="Where to look.")


class OpenAlerts(BaseModel):
    """What a person should look at now, also where nothing was published."""

    alerts: list[OpenAlertSummary] = Field(description="The most urgent first.")
    held_publish: HeldPublishDetail | None = None
    retraining_advice: str | None = Field(
        description="Why the next weekly run is advised to train; null: no need."
    )


class Health(BaseModel):
    """Whether the process answers, and from what."""

    status: Literal["ok", "no_generation"]
    generation_id: str | None = None
    forecast_origin: date | None = None
    published_at: Instant | None = None
    failed_run: FailedRunSummary | None = None
    held_publish: HeldPublishSummary | None = None
    open_alerts: dict[Literal["info", "warning", "critical"], int] = Field(
        default={}, description="How many, by severity; `/alerts/open` has them."
    )


class Readiness(BaseModel):
    """Whether forecasts can be answered, and how old they are."""

    status: Literal["ready"] = "ready"
    generation_id: str
    forecast_origin: date
    origin_age_days: int = Field(
        description="Days since the newest origin; for historical data as of its publication.",
        examples=[3],
    )
    what_if: Literal["ready", "loading", "unavailable"] = Field(
        description="Whether `POST /predict` can be answered at once."
    )


_StoreNumber = Annotated[int, Field(ge=1, le=2**31 - 1, examples=[1])]


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanChangeBody(_Question):
    """Another plan for some days; what is left out or null stays as it is planned."""

    first_date: Day = Field(description="First day that changes.", examples=["2015-08-10"])
    last_date: Day = Field(description="Last day that changes.", examples=["2015-08-14"])
    is_promo: bool | None = Field(default=None, description="A promotion runs.", examples=[True])
    is_open: bool | None = Field(default=None, description="The store opens.", examples=[True])
    state_holiday: Literal["0", "a", "b", "c"] | None = Field(
        default=None,
        description="`0` none, `a` public holiday, `b` Easter, `c` Christmas.",
        examples=["0"],
    )
    is_school_holiday: bool | None = Field(
        default=None, description="School holidays affect the store.", examples=[False]
    )


class BatchPlanChangeBody(PlanChangeBody):
    """The same for some of the stores asked about."""

    store_ids: list[_StoreNumber] | None = Field(
        default=None,
        min_length=1,
        max_length=100_000,
        description="The stores it is for; null: all that are asked about.",
    )


class _PlanQuestion(_Question):
    first_date: Day | None = Field(
        default=None,
        description="First day of the answer; null: the day after the origin.",
        examples=["2015-08-01"],
    )
    last_date: Day | None = Field(
        default=None,
        description="Last day of the answer; null: the end of the horizon.",
        examples=["2015-08-14"],
    )


class PredictBody(_PlanQuestion):
    """What if one store's plan were another?"""

    store_id: _StoreNumber
    changes: list[PlanChangeBody] = Field(
        default=[], max_length=200, description="Later changes win over earlier ones."
    )


class PredictBatchBody(_PlanQuestion):
    """What if the plan of many stores were another?"""

    store_ids: list[_StoreNumber] | None = Field(
        default=None,
        min_length=1,
        max_length=100_000,
        description="null: all stores that have a forecast.",
        examples=[[1, 2, 3]],
    )
    changes: list[BatchPlanChangeBody] = Field(
        default=[], max_length=200, description="Later changes win over earlier ones."
    )


class WhatIfDay(ForecastDay):
    """One day of a store over the plan that was asked about."""

    store_id: int = Field(examples=[1])
    is_changed: bool = Field(description="The day's plan differs from the plan as given.")
    is_promo: bool
    state_holiday: str
    is_school_holiday: bool
    stored_forecast: Money | None = Field(
        description="EUR; what the generation holds for the plan as given.", examples=[4318.0]
    )
    difference: float | None = Field(
        description="EUR; forecast minus stored forecast.", examples=[945.4]
    )


class WhatIfTotals(BaseModel):
    """Sums over the stores and days of an answer."""

    sales_forecast: Money
    stored_forecast: Money | None = Field(description="EUR; null where any day has none.")
    difference: float | None = Field(description="EUR", examples=[945.4])
    changed_store_days: int = Field(description="Days whose plan was changed, over all stores.")


class WhatIfAnswer(BaseModel):
    """Forecasts over the caller's plan, by store and day. They are stored nowhere."""

    provenance: Provenance
    units: dict[str, str] = Field(default=FORECAST_UNITS)
    totals: WhatIfTotals
    rows: list[WhatIfDay]
