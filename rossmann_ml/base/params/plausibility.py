"""Validate the section ``plausibility`` of ``params.yaml``: limits for landed figures.

Entry point: :class:`PlausibilityParams`. Partial days are judged in the dbt model
``core.set_aside_sales``, units and attributes of stores in
:mod:`rossmann_ml.ingest.admission`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from rossmann_ml.base.strict import Share, StrictModel

_Count = Annotated[int, Field(ge=1)]
_MonthAndDay = Annotated[str, Field(pattern=r"^\d\d-\d\d$")]


class PartialDayParams(StrictModel):
    """Limits below which a day's sales count as partial. A level is sales divided by usual sales.

    Attributes:
        min_stores: A day with fewer comparable stores is not judged.
        min_level: Smallest level of all stores together.
        min_level_today: The same for a day that is the business date of its file's landing.
        half_days: Days of the year (MM-DD) on which stores close early.
        min_level_half_day: Smallest level of all stores together on those days.
        low_level: A store up to this level is low.
        max_low_share: Largest share of low stores in the chain; beyond it they are left out.
        max_low_share_of_state: The same for the stores of one state.
        min_low_stores: Smallest number of low stores for these two limits.
        confirmed: Days that a person has confirmed as whole; they are not judged.
    """

    min_stores: _Count
    min_level: Share
    min_level_today: Share
    half_days: list[_MonthAndDay]
    min_level_half_day: Share
    low_level: Share
    max_low_share: Share
    max_low_share_of_state: Share
    min_low_stores: _Count
    confirmed: list[date]


class UnitParams(StrictModel):
    """Limits beyond which rows of sales count as being in another unit.

    Attributes:
        max_level_factor: Largest factor, either way, between a store's sales and its usual sales.
        max_spend_factor: Largest factor, either way, between a store's sales per customer and its
            usual ones, or those of the chain.
        max_row_share: Largest share of such rows; a file with a larger share is refused.
    """

    max_level_factor: Annotated[float, Field(gt=1)]
    max_spend_factor: Annotated[float, Field(gt=1)]
    max_row_share: Share


class StoreAttributeParams(StrictModel):
    """Limit of changes between two lists of stores.

    Attributes:
        max_changed_share: Largest share of stores whose type, assortment, competition distance (by
            more than twice), promotion or state may change at once.
    """

    max_changed_share: Share


class PlausibilityParams(StrictModel):
    """Limits beyond which landed figures are not believed."""

    partial_day: PartialDayParams
    units: UnitParams
    store_attributes: StoreAttributeParams
