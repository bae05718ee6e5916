"""Define request and response bodies, with units and examples for the OpenAPI document."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rossmann_ml.base.params import LONGEST_HORIZON_DAYS
from rossmann_ml.serving.generations import GenerationInfo


def _as_utc(value: object) -> object:
    """Return a value unchanged, except that a timestamp without a time zone becomes UTC.

    Timestamps in the warehouse are in UTC and have no time zone.
    """
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_out(value: object) -> object:
    """Return a date, or text of the form YYYY-MM-DD, unchanged; reject all other values.

    Pydantic alone would also accept a number, as seconds since 1970.

    Raises:
        PydanticCustomError: The value is neither a date nor text of that form.
    """
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    if type(value) is date:
        return value
    raise PydanticCustomError("day", "Input should be a day written YYYY-MM-DD")


_WHOLE = re.compile(r"0|[1-9][0-9]*")


def _whole(value: object) -> object:
    """Return a number, or text that is a whole number in plain digits, unchanged.

    Pydantic alone would also accept ``1_0``, ``+1``, ``1.0``, a leading zero or blanks.

    Raises:
        PydanticCustomError: The value is true, false, a fraction or other text.
    """
    if type(value) is int or (isinstance(value, str) and _WHOLE.fullmatch(value)):
        return value
    raise PydanticCustomError("whole_number", "Input should be a whole number in plain digits")


Whole = BeforeValidator(_whole)
"""Validator of whole numbers in a path or a query."""
Day = Annotated[date, BeforeValidator(_written_out)]
Instant = Annotated[datetime, BeforeValidator(_as_utc)]
Share = Annotated[float, Field(description="Fraction: 0.12 is 12%.", examples=[0.115])]
Money = Annotated[float, Field(description="EUR", examples=[5263.4])]


class Provenance(BaseModel):
    """Generation that a response comes from, with its forecast origin, model and data."""

    generation_id: str = Field(
        description="Identifier of the published file.", examples=["3f1c9a2b7d40"]
    )
    published_at: Instant = Field(examples=["2015-08-03T06:31:05Z"])
    forecast_origin: date = Field(
        description="Last day whose sales were known to the forecasts.", examples=["2015-07-31"]
    )
    model_version: str = Field(examples=["blend-20150731-01234567"])
    data_version: str = Field(description="Fingerprint of the data.", examples=["fdad02e121bd"])
    data_set_name: str = Field(examples=["retailer"])
    is_synthetic: bool = Field(
        description="True for a generated sample instead of a retailer's data."
    )

    @classmethod
    def of(cls, info: GenerationInfo, model_version: str | None = None) -> Provenance:
        """Build the provenance of a response from a generation.

        Args:
            info: Identity of the generation.
            model_version: Model that made the forecasts in the response; None means the champion of
                the generation.
        """
        values = info.as_row()
        values["model_version"] = model_version or info.model_version
        return cls.model_validate(values)


FORECAST_UNITS = {"sales": "EUR per store and day"}


class ForecastDay(BaseModel):
    """Forecast for one store and day; forecast, bounds and quantiles are 0 if it is closed.

    The query parameter `quantiles` adds further fields, such as `p70`.

    Promotion and holidays are null on days that the published plan does not have. `plan_source` is
    `planned` if a plan file has the day, `actual` if the plan of a past day comes from its sales
    row, `assumed` if a rule filled it in.
    """

    model_config = ConfigDict(extra="allow")

    target_date: date = Field(examples=["2015-08-01"])
    horizon_days: int = Field(
        description="Number of days after the origin.", ge=1, le=LONGEST_HORIZON_DAYS, examples=[1]
    )
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
    sales_median: Money | None = Field(
        default=None,
        description="EUR; sales are above it as often as below. Null in forecasts that are older "
        "than quantiles.",
    )
    error_scale: float | None = Field(
        default=None,
        description="Scale of the day's log error; a quantile is `sales_median * exp(error_scale * "
        "log_error)`.",
        examples=[0.11],
    )
    plan_source: Literal["planned", "actual", "assumed", "not_selling"] = Field(
        description="`assumed` where a rule filled in the plan of the day, `not_selling` where the "
        "store is closed because it does not sell: its plan does not open it yet, or leaves it out."
    )


class TotalBounds(BaseModel):
    """Intervals of an unbiased total, in EUR; null where a total has none."""

    lower_80: Money | None = Field(description="EUR; the total is below it in 10% of cases.")
    upper_80: Money | None = Field(description="EUR; the total is above it in 10% of cases.")
    lower_95: Money | None = Field(description="EUR; the total is below it in 2.5% of cases.")
    upper_95: Money | None = Field(description="EUR; the total is above it in 2.5% of cases.")


class StoreTotal(TotalBounds):
    """Total of all days in a response about one store.

    Plan with `sales_unbiased`. The sum of the daily forecasts is one or two percent lower, because
    each of them minimises the error in percent. The bounds belong to `sales_unbiased`; they are
    null unless the response has 7, 14, 28 or all days of the horizon.
    """

    sales_forecast: Money = Field(description="EUR; sum of the daily forecasts.")
    sales_unbiased: Money = Field(description="EUR; unbiased total, the one to plan with.")


class StoreForecast(BaseModel):
    """Forecast for one store from one forecast origin."""

    store_id: int = Field(examples=[1])
    units: dict[str, str] = Field(
        default=FORECAST_UNITS,
        description="Unit of the forecast and its bounds: `sales`.",
    )
    provenance: Provenance
    total: StoreTotal
    days: list[ForecastDay]


class Champion(BaseModel):
    """Model whose forecasts are served, with its training data and its error in the backtest."""

    model_version: str = Field(examples=["blend-20150731-01234567"])
    family: str = Field(examples=["blend"])
    profile: str = Field(examples=["fast"])
    trained_through: date = Field(description="Last day of the training targets.")
    training_rows: int
    rmspe_median: Share = Field(description="Median RMSPE over the origins of the backtest.")
    rmspe_mean: Share = Field(description="Mean RMSPE over the origins of the backtest.")
    rmspe_spread: Share = Field(description="Standard deviation of the RMSPE over these origins.")
    created_at: Instant
    recipe_hash: str
    git_commit: str
    mlflow_run_id: str


class Promotion(BaseModel):
    """Decision of the gate or of a person that made a model the champion, with the reason.

    `previous_model_version` is null for the first champion. `figures` has the numbers that were
    compared, by name.
    """

    decided_at: Instant
    action: Literal["promoted", "rolled_back"]
    previous_model_version: str | None
    actor: str
    reason: str
    figures: dict[str, Any]


class BacktestScore(BaseModel):
    """Accuracy of one model at one past origin, or at all origins together.

    At each origin, the model was fitted only on the data known then. For all origins together,
    `rmspe` is computed over the store-days of all origins. The simple methods in `model` are the
    two baselines. Coverage is null for all models but the blend, because only the blend has
    intervals; for the blend, it is null at origins without an earlier origin to calibrate them.
    Numbers of origins, WAPE, bounds and scores of ranges are null in scores of earlier versions.
    """

    model: str = Field(
        description="`blend`, one of its members, `linear`, or a simple method; all are scored on "
        "the same rows."
    )
    forecast_origin: date | None = Field(
        description="Origin of the scored forecasts; null for all origins together."
    )
    origins: int | None = Field(default=None, description="Number of origins behind the row.")
    interval_origins: int | None = Field(
        default=None, description="Number of those with calibrated intervals."
    )
    store_days: int
    rmspe: Share
    rmspe_median: Share = Field(
        description="RMSPE of one origin; for all origins together, their median."
    )
    rmspe_median_lower: Share | None = Field(
        default=None,
        description="Lower 90% bound, by a block bootstrap of origins; null for one origin, and "
        "with fewer than four independent origins. The same for other bounds.",
    )
    rmspe_median_upper: Share | None = None
    mape: Share
    wape: Share | None = Field(
        default=None, description="Sum of absolute errors over sum of sales."
    )
    bias: Share
    bias_lower: Share | None = None
    bias_upper: Share | None = None
    skill: Share | None = Field(
        description="1 - median RMSPE / median RMSPE of the seasonal naive method."
    )
    coverage_80: Share | None
    coverage_80_lower: Share | None = None
    coverage_80_upper: Share | None = None
    coverage_95: Share | None
    coverage_95_lower: Share | None = None
    coverage_95_upper: Share | None = None
    pinball: Share | None = Field(
        default=None,
        description="Twice the mean pinball loss of the deciles over the sum of sales; comparable "
        "with `wape`.",
    )
    interval_score_80: float | None = Field(
        default=None, description="Mean interval score of the 80% interval of log sales."
    )
    interval_score_95: float | None = None


class Importance(BaseModel):
    """Importance of one feature in the champion.

    `gain_share` is the weighted mean of the feature's gain share in the members. `splits` is the
    number of tree splits on the feature, added up over the members that count them.
    """

    feature: str
    gain_share: Share
    splits: int


class ModelInfo(BaseModel):
    """Champion, the decision that promoted it, its backtest and its most important features.

    `promotion` is the newest such decision, null if none is recorded. `backtest` also has the
    scores of the champion's members, of the linear forecast and of the baselines.
    """

    provenance: Provenance
    champion: Champion
    promotion: Promotion | None
    backtest: list[BacktestScore]
    importances: list[Importance]


class FailedRunSummary(BaseModel):
    """Last failed run; it is shown until a later run succeeds."""

    run_id: str
    at: Instant
    step: str
    reason: str


class HeldPublishSummary(BaseModel):
    """Generation held back because its totals moved too far; the previous one stays current."""

    generation_id: str = Field(description="Identifier of the generation that is held back.")
    forecast_origin: date
    run_id: str
    at: Instant


class HeldPublishDetail(HeldPublishSummary):
    """Generation that is held back, with the reason."""

    reason: str = Field(description="Totals that moved, and the stores that moved most.")


class OpenAlertSummary(BaseModel):
    """Alert that is not resolved yet."""

    alert_id: str
    raised_at: Instant
    rule: str = Field(examples=["stale_data"])
    subject: str = Field(examples=["plan"])
    severity: Literal["info", "warning", "critical"]
    owner: str
    message: str
    link: str = Field(description="Page with details.")


class OpenAlerts(BaseModel):
    """Open alerts as of the last run, and the generation that is held back, if there is one."""

    alerts: list[OpenAlertSummary] = Field(description="Open alerts, the most urgent first.")
    held_publish: HeldPublishDetail | None = None
    retraining_advice: str | None = Field(
        description="Reason to train in the next weekly run; null without one."
    )


class Health(BaseModel):
    """State of the API process and of the published generation.

    The fields of the generation are null if no generation can be read, as before the first
    publication.
    """

    status: Literal["ok", "no_generation"]
    faults: list[str] = Field(
        default=[], description="What does not work at the moment; empty if everything does."
    )
    generation_id: str | None = None
    forecast_origin: date | None = None
    published_at: Instant | None = None
    failed_run: FailedRunSummary | None = None
    held_publish: HeldPublishSummary | None = None
    open_alerts: dict[Literal["info", "warning", "critical"], int] = Field(
        default={}, description="Number of open alerts by severity; see `/alerts/open`."
    )


class Readiness(BaseModel):
    """Readiness to serve forecasts and what-if requests, and the age of the newest origin."""

    status: Literal["ready"] = "ready"
    generation_id: str
    forecast_origin: date
    origin_age_days: int = Field(
        description="Days from the newest origin to today; for historical data, to the business "
        "date of the publication.",
        examples=[3],
    )
    what_if: Literal["ready", "loading", "unavailable"] = Field(
        description="`ready` if `POST /predict` responds at once."
    )
    faults: list[str] = Field(
        default=[], description="What does not work at the moment; empty if everything does."
    )
