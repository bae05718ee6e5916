"""Average the log forecasts of several models with fixed weights, and fit the weights.

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
from rossmann_ml.models.base import Model
from rossmann_ml.models.calibration import UNUSUAL_LOG_RATIO
from rossmann_ml.models.categories import Categories
from rossmann_ml.models.families import model_class

BLEND = "blend"
_FILE = "blend.json"


@dataclass(frozen=True)
class Blend:
    """Fitted models and their weights.

    Attributes:
        members: Fitted models (:class:`rossmann_ml.models.base.Model`) by family.
        weights: Weights by family, at least 0, with sum 1. Models of weight 0 do not predict.
    """

    members: Mapping[str, Model]
    weights: Mapping[str, float]

    @property
    def categories(self) -> Categories:
        """Codes of the text features, the same in all members because one panel fitted them."""
        return next(iter(self.members.values())).categories

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict log sales of rows with all features, shape (rows,)."""
        by_member = {
            family: self.members[family].predict_log_sales(panel)
            for family, weight in self.weights.items()
            if weight > 0
        }
        return weighted_mean(by_member, self.weights)

    def importance(self) -> pl.DataFrame:
        """Return ``feature, gain, gain_share, splits`` per feature, most important first.

        ``gain_share`` is the weighted mean of the members' shares. ``gain`` equals it, because the
        members' gains have different units. ``splits`` is the sum over members that count them.
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
        """Write ``blend.json`` (the weights) and the files of the members.

        Raises:
            ValueError: The members have different codes of text features.
        """
        if any(model.categories != self.categories for model in self.members.values()):
            raise ValueError("the members were fitted on different panels: their codes differ")
        (folder / _FILE).write_text(json.dumps(dict(self.weights), indent=2), encoding="utf-8")
        for model in self.members.values():
            model.save(folder)

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Blend:
        """Read the files of :meth:`save`; ``threads`` is the number of threads of predictions."""
        weights: dict[str, float] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        members = {family: model_class(family).load(folder, threads=threads) for family in weights}
        return cls(members, weights)


def weighted_mean(by_member: Mapping[str, FloatArray], weights: Mapping[str, float]) -> FloatArray:
    """Average log forecasts, shape (rows,), summed in the order of ``weights``."""
    total = sum(weight * by_member[family] for family, weight in weights.items() if weight > 0)
    return np.asarray(total, dtype=np.float64)


def equal_weights(families: tuple[str, ...]) -> dict[str, float]:
    """Return the same weight for every family, for a blend without out-of-fold forecasts."""
    return {family: 1 / len(families) for family in families}


def fit_weights(
    out_of_fold: pl.DataFrame, families: tuple[str, ...], *, shrinkage: float
) -> dict[str, float]:
    """Fit the weights of the blend on out-of-fold forecasts of past origins.

    The weights minimise the mean squared log error of the blend on days without an unusual event.
    The errors of each origin are centred on their median, because the bias factor corrects its
    level. They are divided by the members' mean error, because otherwise the weeks around
    Christmas, which are hard for all members, would dominate. The weights are shrunk towards
    equal ones, because the best weights of few origins are mostly chance.

    Args:
        out_of_fold: ``forecast_origin, sales`` and one column of log forecasts per family.
        families: Members of the blend.
        shrinkage: Cost of a squared deviation from equal weights, in units of the members' mean
            squared error; 0 for no shrinkage.

    Returns:
        Weights by family, at least 0, with sum 1; equal weights without rows.
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
