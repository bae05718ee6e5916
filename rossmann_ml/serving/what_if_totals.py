"""Add up forecasts of a scenario to unbiased totals with ranges.

Entry point: :class:`ScenarioTotals`. See :mod:`rossmann_ml.serving.what_if` for the daily forecasts
and :mod:`rossmann_ml.models.total_calibration` for the factors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from rossmann_ml.models.error_scale import interval_spread
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.models.totals import CHAIN, GROUPS, STORE, with_segments
from rossmann_ml.serving.prepared_origin import PreparedOrigin

_BOUNDS = ("lower_80", "upper_80", "lower_95", "upper_95")


@dataclass(frozen=True)
class ScenarioTotal:
    """Total of forecasts over some stores and days, in EUR.

    The bounds are None if the model has no interval for this total: for stores that are neither one
    store nor all stores of the chain, a store type, an assortment or a state, and for days
    that are neither the first days after the origin nor a calendar week.

    Attributes:
        sales_forecast: Sum of the daily forecasts, which is too low on average.
        sales_unbiased: Unbiased total.
        lower_80: Lower bound of the total's 80% interval.
        upper_80: Upper bound of the total's 80% interval.
        lower_95: Lower bound of the total's 95% interval.
        upper_95: Upper bound of the total's 95% interval.
    """

    sales_forecast: float
    sales_unbiased: float
    lower_80: float | None = None
    upper_80: float | None = None
    lower_95: float | None = None
    upper_95: float | None = None


class ScenarioTotals:
    """Calibration of totals, and the inputs that no plan change alters.

    Args:
        calibration: Bias factor and error variances of totals.
        stores: ``store_id, store_type, assortment, state``, one row per store with a forecast.
        spreads: ``forecast_origin, store_id, target_date, spread`` (log units, see
            :func:`rossmann_ml.models.error_scale.interval_spread`), one row per store-day.
    """

    def __init__(
        self, calibration: TotalCalibration, stores: pl.DataFrame, spreads: pl.DataFrame
    ) -> None:
        self._calibration = calibration
        self._stores = stores
        self._spreads = spreads

    @classmethod
    def of(cls, calibration: TotalCalibration, origin: PreparedOrigin) -> ScenarioTotals:
        """Build the totals of a generation's newest origin.

        Args:
            calibration: Calibration of totals of the generation's model.
            origin: Inputs that no plan change alters.
        """
        spread = pl.Series(interval_spread(origin.panel))
        return cls(
            calibration,
            origin.stores.attributes.filter(pl.Series(origin.has_plan)),
            origin.panel.select("forecast_origin", "store_id", "target_date", spread=spread),
        )

    @property
    def factor(self) -> float:
        """Factor that turns sums of daily forecasts into unbiased totals."""
        return float(np.exp(self._calibration.log_bias))

    def total(self, scored: pl.DataFrame, column: str = "sales_forecast") -> ScenarioTotal:
        """Add up a column of daily forecasts over all rows.

        Args:
            scored: Result of :meth:`rossmann_ml.serving.what_if.Scenarios.score`: all stores of the
                scenario, each with the same consecutive days.
            column: ``sales_forecast``, or ``stored_forecast`` for the published plan. Null counts
                as 0.
        """
        rows = scored.select(
            "store_id", "target_date", "horizon_days", forecast=pl.col(column).fill_null(0.0)
        ).with_columns(is_open=pl.col("forecast") > 0)
        plain = float(rows["forecast"].sum())
        bounds = self._bounds(rows) if plain > 0 else dict.fromkeys(_BOUNDS, 1.0)
        return ScenarioTotal(
            plain, plain * self.factor, **{name: plain * bounds[name] for name in bounds}
        )

    def _bounds(self, rows: pl.DataFrame) -> dict[str, float]:
        """Return the factors of the bounds by name, or nothing if the total has no interval."""
        segment = next(self._segments(rows), None)
        if segment is None:
            return {}
        with_spread = rows.join(self._spreads, on=["store_id", "target_date"], how="left")
        level, name = segment
        found = self._calibration.intervals(with_spread, self._stores).filter(
            pl.col("level") == level,
            pl.col("segment") == name,
            pl.col("first_date") == rows["target_date"].min(),
            pl.col("last_date") == rows["target_date"].max(),
        )
        return {bound: value for bound in _BOUNDS for value in found[f"{bound}_factor"]}

    def _segments(self, rows: pl.DataFrame) -> Iterator[tuple[str, str]]:
        """Yield level and name of each segment that has exactly the stores in the rows."""
        asked = set(rows["store_id"].unique())
        if len(asked) == 1:
            yield STORE, str(*asked)
        stores = with_segments(self._stores.select("store_id"), self._stores)
        for level in (CHAIN, *GROUPS):
            for name, members in stores.group_by(level).agg("store_id").iter_rows():
                if set(members) == asked:
                    yield level, name
