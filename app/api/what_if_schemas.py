"""Bodies of what-if questions and of their answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas import FORECAST_UNITS, Day, ForecastDay, Money, Provenance, TotalBounds

_StoreNumber = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1, examples=[1])]
_MOST_FIELDS = 20


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    first_date: Day | None
    last_date: Day | None

    @model_validator(mode="before")
    @classmethod
    def _fields_are_few(cls, value: object) -> object:
        # an error takes hundreds of times as long as a correct value, and each field may have one
        if isinstance(value, dict) and len(value) > _MOST_FIELDS:
            raise PydanticCustomError("fields", f"Input should have at most {_MOST_FIELDS} fields")
        return value

    @model_validator(mode="after")
    def _days_are_in_order(self) -> Self:
        if self.first_date and self.last_date and self.first_date > self.last_date:
            raise PydanticCustomError(
                "day_order", f"first_date {self.first_date} is after last_date {self.last_date}"
            )
        return self


class PlanChangeBody(_Question):
    """Changed plan from a first to a last day; fields that are null or missing stay as planned."""

    first_date: Day = Field(description="First day that changes.", examples=["2015-08-10"])
    last_date: Day = Field(description="Last day that changes.", examples=["2015-08-14"])
    is_promo: bool | None = Field(
        default=None, description="True if a promotion runs.", examples=[True]
    )
    is_open: bool | None = Field(
        default=None, description="True if the store opens.", examples=[True]
    )
    state_holiday: Literal["0", "a", "b", "c"] | None = Field(
        default=None,
        description="`0` none, `a` public holiday, `b` Easter, `c` Christmas.",
        examples=["0"],
    )
    is_school_holiday: bool | None = Field(
        default=None, description="True if school holidays affect the store.", examples=[False]
    )


class BatchPlanChangeBody(PlanChangeBody):
    """Changed plan of some or all stores in the request; see `store_ids`."""

    store_ids: list[_StoreNumber] | None = Field(
        default=None,
        min_length=1,
        max_length=100_000,
        fail_fast=True,
        description="Stores with this change; null for all stores in the request.",
    )


class _PlanQuestion(_Question):
    first_date: Day | None = Field(
        default=None,
        description="First day of the response; by default the day after the origin.",
        examples=["2015-08-01"],
    )
    last_date: Day | None = Field(
        default=None,
        description="Last day of the response; by default the end of the horizon.",
        examples=["2015-08-14"],
    )


class PredictBody(_PlanQuestion):
    """Body of a what-if request: forecast one store under a changed plan."""

    store_id: _StoreNumber
    changes: list[PlanChangeBody] = Field(
        default=[], max_length=200, description="Later changes win over earlier ones."
    )


class PredictBatchBody(_PlanQuestion):
    """Body of a what-if request: forecast many stores under a changed plan."""

    store_ids: list[_StoreNumber] | None = Field(
        default=None,
        min_length=1,
        max_length=100_000,
        fail_fast=True,
        description="Stores in the request; null for all stores with a forecast.",
        examples=[[1, 2, 3]],
    )
    changes: list[BatchPlanChangeBody] = Field(
        default=[], max_length=200, description="Later changes win over earlier ones."
    )


class WhatIfDay(ForecastDay):
    """Forecast for one store and day under the changed plan.

    `stored_forecast` and `difference` are null if the generation has no forecast for the store and
    day. `plan_source` is the source of the published plan, also where the plan is changed.
    """

    store_id: int = Field(examples=[1])
    is_changed: bool = Field(
        description="True where the plan of the day differs from the published plan."
    )
    is_promo: bool
    state_holiday: str
    is_school_holiday: bool
    stored_forecast: Money | None = Field(
        description="EUR; published forecast for the published plan.", examples=[4318.0]
    )
    difference: float | None = Field(
        description="EUR; forecast minus stored forecast.", examples=[945.4]
    )


class WhatIfTotals(TotalBounds):
    """Totals over all stores and days in a what-if response.

    Plan with the unbiased totals. The other three are sums of daily forecasts, which are one or two
    percent lower, because each daily forecast minimises the error in percent. The bounds belong to
    `sales_unbiased`. They are null unless the request is about one store or all stores of the
    chain, a store type, an assortment or a state, and about the first days after the origin or a
    calendar week. A difference has no bounds. What depends on the stored forecast is null where a
    day has none.
    """

    sales_forecast: Money = Field(description="EUR; sum of the daily forecasts.")
    stored_forecast: Money | None = Field(
        description="EUR; sum of the stored daily forecasts; null where a day has none."
    )
    difference: float | None = Field(
        description="EUR; sum of the forecasts minus sum of the stored forecasts.",
        examples=[945.4],
    )
    sales_unbiased: Money = Field(description="EUR; total to plan with, with the changed plan.")
    stored_unbiased: Money | None = Field(
        description="EUR; total to plan with, with the published plan."
    )
    difference_unbiased: float | None = Field(
        description="EUR; `sales_unbiased` minus `stored_unbiased`.", examples=[961.5]
    )
    changed_store_days: int = Field(description="Number of store days with a changed plan.")


class WhatIfAnswer(BaseModel):
    """Forecasts for the caller's plan, by store and day; they are not stored."""

    provenance: Provenance
    units: dict[str, str] = Field(default=FORECAST_UNITS)
    totals: WhatIfTotals
    rows: list[WhatIfDay]
