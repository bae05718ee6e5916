"""The blend: several models whose log forecasts are averaged with fixed weights.

Belongs here: how weights are found and used. Which models there are is in
:mod:`rossmann_ml.models.families`, how they are fitted in their own modules.
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
    """Fitted models and their weights, see :class:`rossmann_ml.models.base.Model`.

    Attributes:
        members: The models, by family.
        weights: By family; not negative, together 1. A model of weight 0 is not asked.
    """

    members: Mapping[str, Model]
    weights: Mapping[str, float]

    @property
    def categories(self) -> Categories:
        """The codes of text features, which all members share: they were fitted on one panel."""
        return next(iter(self.members.values())).categories

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict the log of sales, shape (rows,), for rows with all features."""
        by_member = {
            family: self.members[family].predict_log_sales(panel)
            for family, weight in self.weights.items()
            if weight > 0
        }
        return weighted_mean(by_member, self.weights)

    def importance(self) -> pl.DataFrame:
        """One row a feature: the weighted mean of the members' shares of gain.

        ``gain`` is that share too, as the members' own gains are in different units; ``splits``
        adds up those of the members that count them.
        """
        each = pl.concat(
            model.importance().with_columns(
                gain_share=pl.col("gain_share") * self.weights[family], order=pl.lit(number)
            )
            for number, (family, model) in enumerate(self.members.items())
        )
        return (
            each.sort("feature", "order")
            .group_by("feature", maintain_order=True)
            .agg(
                gain=pl.col("gain_share").sum(),
                gain_share=pl.col("gain_share").sum(),
                splits=pl.col("splits").sum(),
            )
            .sort("gain_share", "feature", descending=[True, False])
        )

    def save(self, folder: Path) -> None:
        """Write ``blend.json`` and the members' own files.

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
        """Read what :meth:`save` wrote; predictions use so many threads."""
        weights: dict[str, float] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        members = {family: model_class(family).load(folder, threads=threads) for family in weights}
        return cls(members, weights)


def weighted_mean(by_member: Mapping[str, FloatArray], weights: Mapping[str, float]) -> FloatArray:
    """Average log forecasts, shape (rows,), adding members in the order of ``weights``."""
    total = sum(weight * by_member[family] for family, weight in weights.items() if weight > 0)
    return np.asarray(total, dtype=np.float64)


def equal_weights(families: tuple[str, ...]) -> dict[str, float]:
    """The same weight for every member: what is used before anything is known of them."""
    return {family: 1 / len(families) for family in families}


def fit_weights(
    out_of_fold: pl.DataFrame, families: tuple[str, ...], *, shrinkage: float
) -> dict[str, float]:
    """Find the convex weights that would have served past origins best.

    They minimise the mean squared log error of the average over days without an unusual event,
    each origin centred on its own median first, as the level of a whole season is the bias
    factor's matter, and in units of its members' own error, so that the weeks around Christmas,
    which are hard for all, do not decide alone. With few origins the best weights are mostly
    chance, so they are pulled towards equal ones.

    Args:
        out_of_fold: ``forecast_origin, sales`` and a column of log forecasts a family; without
            rows the weights are equal.
        families: The members.
        shrinkage: How much a departure from equal weights costs, in units of the members' mean
            squared error; 0 means not at all.

    Returns:
        By family; not negative, together 1.
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
        if squares.trace() > 0:  # else every member was right
            products += squares * (len(families) / squares.trace())
    if not products.any():
        return equal
    products *= len(families) / products.trace()
    start = np.array(list(equal.values()))
    # here and not above: it takes a second and 20 MB, and those who only score do without
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
    # rounded: the last digits of an optimiser are noise
    rounded = np.round(np.clip(found.x, 0, 1), 3)
    rounded[int(np.argmax(rounded))] += 1 - rounded.sum()
    return {
        name: float(np.round(weight, 3)) for name, weight in zip(families, rounded, strict=True)
    }
