"""A bundle that forecasts by a rule, for tests of stored forecasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import polars as pl

from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.categories import Categories
from rossmann_ml.models.error_scale import DAY_TYPES, ErrorScale
from rossmann_ml.models.error_shapes import log_errors_by_shape
from rossmann_ml.models.total_calibration import TotalCalibration

DAILY = Calibration(
    log_shift=-0.02,
    levels=[0.01, 0.025, 0.1, 0.5, 0.9, 0.975, 0.99],
    quantiles=[-4.0, -2.5, -1.5, 0.0, 1.0, 2.0, 3.0],
    scale=ErrorScale(0.5, 1.8, dict.fromkeys(DAY_TYPES, 1.0) | {"1 promo": 1.5}, {1: (40.0, 300)}),
    origins=["2015-05-08"],
)
"""A calibration of daily forecasts that bundles in tests may have; it knows store 1."""
_ONE_PART = [0.001, 0.002, 0.003]
_FREEDOM = [6.0, 30.0, 180.0]
TOTALS = TotalCalibration(
    log_bias=0.01,
    chain=_ONE_PART,
    groups=dict.fromkeys(("store_type", "assortment", "state"), _ONE_PART),
    store=[0.1, 0.2, 0.3],
    chain_freedom=[3.0, 15.0, 90.0],
    group_freedom=dict.fromkeys(("store_type", "assortment", "state"), _FREEDOM),
    store_quantiles={"80": 1.2, "95": 2.2},
    origins=["2015-05-08"],
)
"""A calibration of totals that bundles in tests may have."""


@dataclass
class RuleBundle:
    """A bundle that forecasts ``factor * (1000 * horizon_days + store_id)`` on open days.

    Attributes:
        model_version: Version of the bundle.
        factor: Factor on all forecasts.
        scored: Number of panels that the bundle has scored.
        states: States of the fit.
    """

    model_version: str = "rule-1"
    factor: float = 1.0
    scored: int = field(default=0)
    states: tuple[str, ...] = ("BY", "HE")

    @property
    def model(self) -> SimpleNamespace:
        """Part of a blend that is used besides its forecasts: the categories of the fit."""
        return SimpleNamespace(categories=Categories({"state": list(self.states)}))

    def forecast(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Forecast the rows of a panel."""
        self.scored += 1
        rule = self.factor * (1000 * pl.col("horizon_days") + pl.col("store_id"))
        point = pl.when("is_open").then(rule).otherwise(0.0)
        keys = ("forecast_origin", "store_id", "target_date", "horizon_days", "is_open")
        return panel.select(*keys, sales_forecast=point).with_columns(
            lower_80=pl.col("sales_forecast") * 0.9,
            upper_80=pl.col("sales_forecast") * 1.1,
            lower_95=pl.col("sales_forecast") * 0.8,
            upper_95=pl.col("sales_forecast") * 1.2,
            sales_median=pl.col("sales_forecast") * 1.02,
            error_scale=pl.when("is_open").then(0.05).otherwise(0.0),
            mean_departure=0.0,
        )

    def total_intervals(
        self, panel: pl.DataFrame, forecasts: pl.DataFrame, stores: pl.DataFrame
    ) -> pl.DataFrame:
        """Return one factor for the whole chain, which depends on the number of stores."""
        return pl.DataFrame(
            {
                "forecast_origin": [panel["forecast_origin"][0]],
                "level": ["chain"],
                "segment": ["all"],
                "first_date": [panel["target_date"].min()],
                "last_date": [panel["target_date"].max()],
                "unbiased_factor": [float(len(stores))],
                "lower_80_factor": [0.9],
                "upper_80_factor": [1.1],
                "lower_95_factor": [0.8],
                "upper_95_factor": [1.2],
                "error_scale": [0.02],
                "error_shape": ["group 5"],
            }
        )

    def error_quantiles(self, intervals: pl.DataFrame) -> pl.DataFrame:
        """Return the log errors of days and of the totals' shapes."""
        of_totals = log_errors_by_shape(intervals["error_shape"], TOTALS.store_quantiles)
        return pl.concat([DAILY.error_quantiles(), of_totals])
