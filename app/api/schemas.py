"""What answers look like: names, units and examples, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from rossmann_ml.publish import GenerationInfo


def _as_utc(value: object) -> object:
    """The warehouse's stamps are UTC without saying so; answers say so."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


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
    model_version: str = Field(examples=["lightgbm-0123456789ab"])
    data_version: str = Field(description="Fingerprint of the data.", examples=["fdad02e121bd"])
    data_set_name: str = Field(examples=["retailer"])
    is_synthetic: bool = Field(description="True: a made sample, not a retailer's data.")

    @classmethod
    def of(cls, info: GenerationInfo, model_version: str | None = None) -> Provenance:
        """From a generation, and the model that made the answer where its champion did not."""
        values = info.as_row()
        values["model_version"] = model_version or info.model_version
        return cls.model_validate(values)


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
    """A store's newest forecast."""

    store_id: int = Field(examples=[1])
    scenario: Literal["planned"] = "planned"
    units: dict[str, str] = Field(
        default={"sales": "EUR per store and day"},
        description="`sales` holds for the forecast and its bounds.",
    )
    provenance: Provenance
    days: list[ForecastDay]


class Champion(BaseModel):
    """The model that scores."""

    model_version: str = Field(examples=["lightgbm-0123456789ab"])
    family: str = Field(examples=["lightgbm"])
    profile: str = Field(examples=["fast"])
    trained_through: date = Field(description="Newest day among the training targets.")
    training_rows: int
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
    mape: Share
    bias: Share
    skill: Share | None = Field(description="1 minus RMSPE over that of seasonal naive.")
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


class Health(BaseModel):
    """Whether the process answers, and from what."""

    status: Literal["ok", "no_generation"]
    generation_id: str | None = None
    forecast_origin: date | None = None
    published_at: Instant | None = None
    failed_run: FailedRunSummary | None = None
