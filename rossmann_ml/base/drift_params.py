"""When drift is called drift: the section ``monitoring.drift`` of ``params.yaml``, typed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from rossmann_ml.base.strict import StrictModel

DriftKind = Literal["plan", "features", "sales", "forecasts", "performance"]

DRIFT_FEATURES: dict[DriftKind, dict[str, str]] = {
    "plan": {
        "promo_by_weekday": "promotion days by weekday over the horizon",
        "open_by_weekday": "open days by weekday over the horizon, state holidays apart",
        "open_by_state": "open days by state over the horizon",
        "state_holiday": "kinds of state holidays over the horizon",
        "is_school_holiday": "school holidays over the horizon",
        "assumed_plan": "share of the horizon whose plan was filled by rule",
    },
    "features": {
        "residual_7d": "stores' residuals of the newest week",
        "residual_28d": "stores' residuals of the newest four weeks",
        "level_trend": "stores' newest level beside the long one",
        "store_level": "stores' levels",
    },
    "sales": {
        "promo_by_weekday": "promotion days by weekday in the newest week",
        "open_by_weekday": "open days by weekday in the newest week, state holidays apart",
        "open_by_state": "open days by state in the newest week, state holidays apart",
        "observed_by_weekday": "days with a row by weekday in the newest week",
        "sales_level": "sales beside the store's own eight weeks before",
        "customers_level": "customers beside the store's own eight weeks before",
        "spend_level": "spend per customer beside the store's own eight weeks before",
        "stores_off_level": "stores whose newest week left their own level",
    },
    "forecasts": {
        "same_days": "forecasts beside the vintage before, same stores and target days",
    },
    "performance": {
        "mape": "mean absolute percentage error of the newest week",
        "bias": "sum of forecasts over sum of sales of the newest week, minus 1, without its sign",
    },
}
"""Every feature that is watched, by kind, with its meaning."""


class StoreParams(StrictModel):
    """When a single store has left its level.

    Attributes:
        min_z: Its newest week is this many robust standard deviations off its own weeks.
        min_change: And at least this much off, as a share: 0.75 finds x 1.75 and x 1/1.75.
    """

    min_z: Annotated[float, Field(gt=0)]
    min_change: Annotated[float, Field(gt=0)]


class DriftParams(StrictModel):
    """Thresholds of what is compared, and how long reports stay.

    Attributes:
        stores: When a single store has left its level.
        thresholds: By kind and feature, the value from which on it has drifted.
        reports_kept: Reports of this many newest runs stay.
    """

    stores: StoreParams
    thresholds: dict[DriftKind, dict[str, Annotated[float, Field(gt=0)]]]
    reports_kept: Annotated[int, Field(ge=1)]

    @field_validator("thresholds")
    @classmethod
    def _every_feature_has_one(
        cls, thresholds: dict[DriftKind, dict[str, float]]
    ) -> dict[DriftKind, dict[str, float]]:
        for kind, features in DRIFT_FEATURES.items():
            found = thresholds.get(kind, {})
            if set(found) != set(features):
                raise ValueError(
                    f"{kind} has thresholds of {', '.join(sorted(found)) or 'nothing'}; expected "
                    f"those of {', '.join(sorted(features))}"
                )
        return thresholds
