"""A bundle that forecasts by a rule, for tests of what is stored of a bundle's forecasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import polars as pl

from rossmann_ml.models.categories import Categories


@dataclass
class RuleBundle:
    """Forecasts ``factor * (1000 * horizon_days + store_id)`` on open days.

    Attributes:
        model_version: Its name.
        factor: What forecasts are multiplied by.
        gives_totals: Whether it has factors for totals.
        scored: How many panels it has scored.
        states: The states that it was fitted with.
    """

    model_version: str = "rule-1"
    factor: float = 1.0
    gives_totals: bool = True
    scored: int = field(default=0)
    states: tuple[str, ...] = ("BY", "HE")

    @property
    def model(self) -> SimpleNamespace:
        """What of a blend is asked beside its forecasts: the categories it knows."""
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
        )

    def total_intervals(
        self, panel: pl.DataFrame, forecasts: pl.DataFrame, stores: pl.DataFrame
    ) -> pl.DataFrame | None:
        """Give one factor for the whole chain, which says how many stores it was told of."""
        if not self.gives_totals:
            return None
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
            }
        )
