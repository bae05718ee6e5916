"""Define the interface of a model, and the functions that all models share.

A new model family is a class with the interface :class:`Model` in its own module of
:mod:`rossmann_ml.models.families`.
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
    """Settings of one fit.

    Attributes:
        trees: Number of trees.
        learning_rate: Factor on the prediction of each tree.
        parameters: Other parameters of the model, by their names in its library.
        seed: Seed of all random choices.
        threads: Number of threads for fit and predictions.
    """

    trees: int
    learning_rate: float
    parameters: Mapping[str, int | float | str]
    seed: int
    threads: int


class Model(Protocol):
    """Interface of a model that predicts log sales, deterministically for given inputs.

    A model does not change after :meth:`fit` or :meth:`load`, not even its number of threads, so
    that several threads can call :meth:`predict_log_sales` at once.

    Attributes:
        packages: Names of the distributions that only the family's module imports; the registered
            model requires them.
        categories: Codes of the text features, from the fit.
    """

    packages: ClassVar[tuple[str, ...]]
    categories: Categories

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit a model on the rows of a training panel (all features and ``sales``)."""
        ...

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict log sales of rows with all features, shape (rows,)."""
        ...

    def importance(self) -> pl.DataFrame:
        """Return ``feature, gain, gain_share, splits`` per feature, most important first."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model's files into an existing folder."""
        ...

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Read the files of :meth:`save`; ``threads`` is the number of threads of predictions."""
        ...


def design_matrix(panel: pl.DataFrame, features: list[str], categories: Categories) -> Float32Array:
    """Return features of a panel as an array, shape (rows, features), with texts as codes."""
    encoded = categories.encode(panel.select(features))
    return encoded.cast(pl.Float32).to_numpy(order="c")


def log_base(panel: pl.DataFrame) -> FloatArray:
    """Return the linear forecast of log sales, shape (rows,), to which models add a correction."""
    return panel[BASE_COLUMN].cast(pl.Float64).to_numpy()


def log_target(panel: pl.DataFrame) -> FloatArray:
    """Return the target of a fit: log sales minus the linear forecast, shape (rows,)."""
    return np.asarray(np.log(panel["sales"].to_numpy()) - log_base(panel))


def importance_frame(
    features: list[str], gain: FloatArray, splits: np.ndarray | None = None
) -> pl.DataFrame:
    """Build the table of :meth:`Model.importance`; ``splits`` is null if None."""
    unknown = [None] * len(gain)
    return pl.DataFrame(
        {
            "feature": features,
            "gain": gain,
            "gain_share": gain / max(float(gain.sum()), 1e-12),
            "splits": pl.Series(unknown if splits is None else splits, dtype=pl.Int64),
        }
    ).sort("gain", "feature", descending=[True, False])
