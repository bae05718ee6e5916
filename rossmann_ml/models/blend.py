"""Average the departures predicted by several models with fixed weights, and fit the weights.

:class:`Blend` predicts, :func:`fit_weights` fits the weights on out-of-fold forecasts. See
:mod:`rossmann_ml.models.families` for the models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.base import Model, log_base
from rossmann_ml.models.calibration import UNUSUAL_LOG_RATIO
from rossmann_ml.models.categories import Categories
from rossmann_ml.models.chain_level import ChainLevel
from rossmann_ml.models.departures import mean_departures, means_of_rows
from rossmann_ml.models.families import model_class

BLEND = "blend"
_FILE = "blend.json"


@dataclass(frozen=True)
class Blend:
    """Fitted models and the weights with which their departures are averaged.

    Attributes:
        members: Fitted models (:class:`rossmann_ml.models.base.Model`) by family.
        weights: Weights by family; each is at least 0, their sum is 1. Members with weight 0 do not
            predict.
        chain: Correction of the chain's level; None if there is none.
    """

    members: Mapping[str, Model]
    weights: Mapping[str, float]
    chain: ChainLevel | None = None

    @property
    def categories(self) -> Categories:
        """Codes that replace the values of text features.

        All members have the same codes, because they were fitted on the same panel.
        """
        return next(iter(self.members.values())).categories

    def predict_departures(self, panel: pl.DataFrame) -> FloatArray:
        """Predict how stores depart from the linear forecast, for rows that have all features.

        Returns:
            Weighted mean of the members' departures in log units, not yet centred, shape (rows,).
        """
        by_member = {
            family: self.members[family].predict_departures(panel)
            for family, weight in self.weights.items()
            if weight > 0
        }
        return weighted_mean(by_member, self.weights)

    def to_subtract(self, panel: pl.DataFrame, departures: FloatArray) -> pl.DataFrame:
        """Compute what is subtracted from the departures of all stores on a day.

        Args:
            panel: Rows of all stores with all features.
            departures: Result of :meth:`predict_departures` for the panel.

        Returns:
            ``forecast_origin, target_date, mean_departure``: the day's mean departure less the
            correction of the chain's level, in log units, sorted by origin and day.
        """
        means = mean_departures(panel, departures)
        if self.chain is None:
            return means
        correction = self.chain.corrections(panel)["correction"]
        return means.with_columns(pl.col("mean_departure") - correction)

    def forecast_logs(
        self, panel: pl.DataFrame, shared: pl.DataFrame | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Forecast log sales, before the calibration.

        Args:
            panel: Rows with all features.
            shared: Result of :meth:`to_subtract` for the rows of all stores; None if ``panel`` has
                them.

        Returns:
            Log forecasts, and what was subtracted from departures, both of shape (rows,).

        Raises:
            NoDataError: ``shared`` lacks a day of the panel.
        """
        departures = self.predict_departures(panel)
        if shared is None:
            shared = self.to_subtract(panel, departures)
        of_row = means_of_rows(panel, shared)
        return log_base(panel) + (departures - of_row), of_row

    def importance(self) -> pl.DataFrame:
        """Compute how much the blend uses each feature.

        Returns:
            ``feature, gain, gain_share, splits``, one row per feature, largest ``gain_share``
            first. ``gain_share`` is the weighted mean of the members' ``gain_share``. ``gain`` has
            the same value, because the members' gains have different units. ``splits`` is the
            number of splits, added up over the members that count them.
        """
        each = pl.concat(
            model.importance().with_columns(gain_share=pl.col("gain_share") * self.weights[family])
            for family, model in self.members.items()
        )
        share = pl.col("gain_share").sum()
        return (
            each.sort("feature", maintain_order=True)
            .group_by("feature", maintain_order=True)
            .agg(gain=share, gain_share=share, splits=pl.col("splits").sum())
            .sort("gain_share", "feature", descending=[True, False])
        )

    def save(self, folder: Path) -> None:
        """Write ``blend.json`` (the weights) and the files of all members into a folder.

        Raises:
            ValueError: The members have different codes for text features; the folder has one file
                of codes for all members.
        """
        if any(model.categories != self.categories for model in self.members.values()):
            raise ValueError("the members were fitted on different panels: their codes differ")
        (folder / _FILE).write_text(json.dumps(dict(self.weights), indent=2), encoding="utf-8")
        for model in self.members.values():
            model.save(folder)
        if self.chain is not None:
            self.chain.save(folder)

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Blend:
        """Load a blend from the files that :meth:`save` wrote.

        Args:
            folder: Folder with the files.
            threads: Number of threads that predict.
        """
        weights: dict[str, float] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        members = {family: model_class(family).load(folder, threads=threads) for family in weights}
        return cls(members, weights, ChainLevel.load(folder, threads=threads))


def weighted_mean(by_member: Mapping[str, FloatArray], weights: Mapping[str, float]) -> FloatArray:
    """Average the members' log forecasts.

    Args:
        by_member: Log forecasts by family, each of shape (rows,).
        weights: Weights by family. The forecasts are added in the order of this mapping, so that
            the rounding is always the same.

    Returns:
        Weighted mean, shape (rows,).
    """
    total = sum(weight * by_member[family] for family, weight in weights.items() if weight > 0)
    return np.asarray(total, dtype=np.float64)


def equal_weights(families: tuple[str, ...]) -> dict[str, float]:
    """Return equal weights by family, used if there are no out-of-fold forecasts to fit them."""
    return {family: 1 / len(families) for family in families}


def fit_weights(
    out_of_fold: pl.DataFrame, families: tuple[str, ...], *, shrinkage: float
) -> dict[str, float]:
    """Fit the weights of the blend's members on out-of-fold forecasts from past origins.

    The weights minimise the blend's mean squared log error plus a penalty. The penalty shrinks the
    weights towards equal weights, because the best weights for few origins are mostly chance.
    The members' log errors at each origin are first prepared in three steps:

    1. The median over store-days of the members' mean error is subtracted from all errors, because
       an error that all days of an origin share need not recur at later origins.
    2. Store-days on which the members' mean forecast is then wrong by a factor of two or more are
       excluded as unusual.
    3. The squared errors are divided by their mean over store-days and members. Each origin then
       counts equally, and the weeks around Christmas, which are hard for all members, do not
       dominate.

    Args:
        out_of_fold: ``forecast_origin, sales`` (EUR) and one column of log forecasts per family.
        families: Members of the blend.
        shrinkage: Penalty per squared deviation from an equal weight, in units of the members' mean
            squared error; 0 for no penalty.

    Returns:
        Weights by family; each is at least 0, their sum is 1. They are equal if no store-day is
        left to fit them on.
    """
    equal = equal_weights(families)
    if out_of_fold.is_empty() or len(families) == 1:
        return equal
    products = np.zeros((len(families), len(families)))
    for _, part in out_of_fold.group_by("forecast_origin", maintain_order=True):
        log_sales = np.log(part["sales"].to_numpy())
        errors = np.stack([part[name].to_numpy() - log_sales for name in families], axis=1)
        errors -= np.median(errors.mean(axis=1))
        usual = errors[np.abs(errors.mean(axis=1)) < UNUSUAL_LOG_RATIO]
        squares = usual.T @ usual
        if squares.trace() > 0:  # 0 if no member has an error
            products += squares * (len(families) / squares.trace())
    if not products.any():
        return equal
    products *= len(families) / products.trace()
    start = np.array(list(equal.values()))
    # imported here, because it takes a second and 20 MB, and scoring does not need it
    from scipy.optimize import minimize  # noqa: PLC0415

    def cost(weights: FloatArray) -> float:
        departure = weights - start
        return float(weights @ products @ weights + shrinkage * departure @ departure)

    found = minimize(
        cost,
        start,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(families),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-12},
    )
    # rounded, because the last digits of an optimiser are noise
    rounded = np.round(np.clip(found.x, 0, 1), 3)
    rounded[int(np.argmax(rounded))] += 1 - rounded.sum()
    return {
        name: float(np.round(weight, 3)) for name, weight in zip(families, rounded, strict=True)
    }
