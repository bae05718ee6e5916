"""Validate the section ``monitoring.drift`` of ``params.yaml``, and list the watched features.

Entry points: :class:`DriftParams`, :data:`DRIFT_FEATURES`. Drift is measured in
:mod:`rossmann_ml.monitoring.drift`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from rossmann_ml.base.strict import StrictModel

DriftKind = Literal["plan", "features", "sales", "forecasts", "performance"]

DRIFT_FEATURES: dict[DriftKind, dict[str, str]] = {
    "plan": {
        "promo_by_weekday": "promotion days by weekday over the horizon",
        "open_by_weekday": "open days by weekday over the horizon, without state holidays",
        "open_by_state": "open days by state over the horizon",
        "state_holiday": "kinds of state holidays over the horizon",
        "is_school_holiday": "school holidays over the horizon",
        "assumed_plan": "share of the horizon's store-days whose plan was filled by rule",
    },
    "features": {
        "residual_7d": "stores' residuals of the newest week",
        "residual_28d": "stores' residuals of the newest four weeks",
        "level_trend": "stores' recent sales level minus their long-term level",
        "store_level": "stores' sales levels",
    },
    "sales": {
        "promo_by_weekday": "promotion days by weekday in the newest week",
        "open_by_weekday": "open days by weekday in the newest week, without state holidays",
        "open_by_state": "open days by state in the newest week, without state holidays",
        "observed_by_weekday": "store-days with a sales row by weekday in the newest week",
        "sales_level": "sales compared with the store's eight weeks before",
        "customers_level": "customers compared with the store's eight weeks before",
        "spend_level": "spend per customer compared with the store's eight weeks before",
        "stores_off_level": "number of stores whose newest week is far from their own level",
    },
    "forecasts": {
        "same_days": "forecasts compared with the previous vintage, same stores and target days",
    },
    "performance": {
        "mape": "mean absolute percentage error of the newest week",
        "bias": "absolute value of (sum of forecasts / sum of sales - 1) of the newest week",
    },
}
"""Meaning of every watched feature, by kind and name."""


class StoreParams(StrictModel):
    """Limits from which a store's newest week of sales is far from its own past weeks.

    Only a store that reaches both limits is counted by the drift measure ``stores_off_level``. See
    :func:`rossmann_ml.monitoring.drift.stores.store_deviations` for the weeks that are compared.

    Attributes:
        min_z: Smallest distance from the median of the past weeks, in standard deviations that are
            estimated from the median absolute deviation of those weeks.
        min_change: Smallest relative change of sales, up or down: 0.75 means at least 1.75 times,
            or at most 1/1.75 of, the usual sales of the past weeks.
    """

    min_z: Annotated[float, Field(gt=0)]
    min_change: Annotated[float, Field(gt=0)]


class DriftParams(StrictModel):
    """Thresholds of the drift measures, and the number of reports to keep.

    Attributes:
        stores: Limits of the change of a single store's sales.
        thresholds: Smallest value of a drift measure that counts as drift, by kind of measure, then
            by feature name. Both keys are those of :data:`DRIFT_FEATURES`.
        reports_kept: Number of newest runs whose drift reports stay in the state folder.
    """

    stores: StoreParams
    thresholds: dict[DriftKind, dict[str, Annotated[float, Field(gt=0)]]]
    reports_kept: Annotated[int, Field(ge=1)]

    @field_validator("thresholds")
    @classmethod
    def _every_feature_has_a_threshold(
        cls, thresholds: dict[DriftKind, dict[str, float]]
    ) -> dict[DriftKind, dict[str, float]]:
        """Raise ValueError unless each watched feature has a threshold, and no other name has one.

        A misspelt name would otherwise leave its feature without a limit.
        """
        for kind, features in DRIFT_FEATURES.items():
            found = thresholds.get(kind, {})
            if set(found) != set(features):
                raise ValueError(
                    f"{kind} has thresholds of {', '.join(sorted(found)) or 'nothing'}; expected "
                    f"those of {', '.join(sorted(features))}"
                )
        return thresholds
