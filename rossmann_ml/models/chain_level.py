"""Correct what the linear forecast says of the chain's sales on a day.

The linear forecast cannot know how effects meet, such as a promotion in the week before a holiday.
Trees that are fitted to one row per origin and day, the means over the stores, find that, and
take a second. About 900 days are too few to trust them alone: splits are drawn at random (Geurts
et al. 2006, extremely randomised trees), and the chain's level is the mean of both forecasts,
with and without the correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import lightgbm
import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.features.panel import categorical_features
from rossmann_ml.models.base import FitSettings, log_base
from rossmann_ml.models.departures import numbered_days
from rossmann_ml.models.families.lightgbm import fit_booster

# Largest difference of a store-day in log units, so that single events of stores count little.
_LARGEST_DIFFERENCE = 0.5
# The mean of two forecasts of the chain: half of the difference between them is added to one.
_WEIGHT = 0.5
FIXED: dict[str, object] = {
    "target": f"mean difference of open stores, limited to {_LARGEST_DIFFERENCE}",
    "weight": _WEIGHT,
    "objective": "l2",
    "extra_trees": True,
}
"""What no parameter changes; it is part of a recipe's fingerprint."""
_FILE = "chain.txt"


@dataclass(frozen=True)
class ChainLevel:
    """Trees that correct the linear forecast by the same factor in all stores on a day.

    Attributes:
        trees: Fitted trees; they know the names of their features.
        threads: Number of threads that predict.
    """

    trees: lightgbm.Booster
    threads: int

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit the trees on the rows of a training panel.

        Args:
            panel: Rows with all features and ``sales`` in EUR.
            features: Names of the features; those of text are left out.
            settings: Number of trees, learning rate, other parameters, seed and threads.
        """
        names = [name for name in features if name not in categorical_features()]
        difference = np.log(panel["sales"].to_numpy()) - log_base(panel)
        panel = panel.with_columns(
            pl.Series("difference", np.clip(difference, -_LARGEST_DIFFERENCE, _LARGEST_DIFFERENCE))
        )
        _, means, stores = day_means(panel, [*names, "difference"])
        # a day counts by its stores, because on Sundays only a few are open
        weights = stores / stores.mean()
        trees = fit_booster(
            means[:, :-1], means[:, -1], names, settings, weights=weights, extra_trees=True
        )
        return cls(trees, settings.threads)

    def corrections(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Compute the correction of each day.

        Args:
            panel: Rows of all stores with all features; and ``is_open``, if it has rows of closed
                days.

        Returns:
            ``forecast_origin, target_date, correction`` (log units, to be added to the linear
            forecast; 0 if no store is open), sorted by origin and day.
        """
        days, means, stores = day_means(panel, self.trees.feature_name())
        found = np.asarray(self.trees.predict(means, num_threads=self.threads))
        return days.with_columns(correction=pl.Series(np.where(stores > 0, _WEIGHT * found, 0.0)))

    def save(self, folder: Path) -> None:
        """Write ``chain.txt``, in LightGBM's format, into a folder."""
        self.trees.save_model(str(folder / _FILE))

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self | None:
        """Load what :meth:`save` wrote; None for a bundle of an earlier version, which has none."""
        path = folder / _FILE
        return cls(lightgbm.Booster(model_file=str(path)), threads) if path.exists() else None


def day_means(
    panel: pl.DataFrame, columns: list[str]
) -> tuple[pl.DataFrame, FloatArray, FloatArray]:
    """Compute the means of columns over the stores that are open on each day.

    Args:
        panel: ``forecast_origin, target_date`` and the columns; and ``is_open``, if it has rows of
            closed days.
        columns: Names of columns with numbers; null and NaN are left out of a mean.

    Returns:
        ``forecast_origin, target_date``, sorted; the means, shape (days, columns), NaN where a
        column has no number; and the number of open stores, shape (days,). Rows are added in the
        panel's order, so equal panels give equal bits.
    """
    days, number, is_open = numbered_days(panel)
    means = np.empty((len(days), len(columns)))
    for column, name in enumerate(columns):
        values = panel[name].cast(pl.Float64).to_numpy()
        counted = is_open * np.isfinite(values)
        sums = np.bincount(number, np.where(counted > 0, values, 0.0), len(days))
        counts = np.bincount(number, counted, len(days))
        means[:, column] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    stores = np.bincount(number, is_open, len(days)).astype(np.float64)
    return days, means, stores
