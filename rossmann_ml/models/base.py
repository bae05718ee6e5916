"""The interface of a model, and what all models do with a panel.

A new model is a class of the form of :class:`Model` in a module of its own in
:mod:`rossmann_ml.models.families`. Belongs here: nothing that is true of one model only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import polars as pl

from rossmann_ml.features.grid import Float32Array, FloatArray
from rossmann_ml.features.history import BASE_COLUMN
from rossmann_ml.models.categories import Categories


@dataclass(frozen=True)
class FitSettings:
    """How one model is fitted.

    Attributes:
        trees: Number of trees.
        learning_rate: Share of each tree's answer that is taken.
        parameters: The family's own parameters, by its library's names.
        seed: Of every random choice.
        threads: How many threads fit and predictions may use.
    """

    trees: int
    learning_rate: float
    parameters: Mapping[str, int | float | str]
    seed: int
    threads: int


class Model(Protocol):
    """Fits and predicts log sales of panel rows, deterministically for given inputs.

    Predictions may be made from several threads at once: nothing of a model changes after
    :meth:`fit` or :meth:`load`, its number of threads included.

    Attributes:
        packages: Names of the distributions that its module imports and no other module does; the
            registered model requires them.
        categories: The codes of text features that it was fitted with.
    """

    packages: ClassVar[tuple[str, ...]]
    categories: Categories

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit on the rows of a training panel (all features and ``sales``)."""
        ...

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict the log of sales, shape (rows,), for rows with all features."""
        ...

    def importance(self) -> pl.DataFrame:
        """One row a feature: ``feature, gain, gain_share, splits``, most important first."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model's own files into a folder that is there."""
        ...

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Read what :meth:`save` wrote; predictions use so many threads."""
        ...


def design_matrix(panel: pl.DataFrame, features: list[str], categories: Categories) -> Float32Array:
    """The features of a panel as one array, shape (rows, features), text features as codes."""
    encoded = categories.encode(panel.select(features))
    return encoded.cast(pl.Float32).to_numpy(order="c")


def log_base(panel: pl.DataFrame) -> FloatArray:
    """The linear forecast of log sales, from which models learn to depart, shape (rows,)."""
    return panel[BASE_COLUMN].cast(pl.Float64).to_numpy()


def log_target(panel: pl.DataFrame) -> FloatArray:
    """What models learn: log sales minus the linear forecast, shape (rows,)."""
    return np.asarray(np.log(panel["sales"].to_numpy()) - log_base(panel))


def importance_frame(
    features: list[str], gain: FloatArray, splits: np.ndarray | None = None
) -> pl.DataFrame:
    """Importances in the form of :meth:`Model.importance`; ``splits`` is null where unknown."""
    unknown = [None] * len(gain)
    return pl.DataFrame(
        {
            "feature": features,
            "gain": gain,
            "gain_share": gain / max(float(gain.sum()), 1e-12),
            "splits": pl.Series(unknown if splits is None else splits, dtype=pl.Int64),
        }
    ).sort("gain", "feature", descending=[True, False])
