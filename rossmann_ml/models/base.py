"""Define the interface of a model, and the functions that all models share.

A new model family is a class with the interface :class:`Model`, in its own module in the package
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
    """Settings for fitting one model.

    Attributes:
        trees: Number of trees.
        learning_rate: Factor by which the prediction of each tree is multiplied.
        parameters: Other parameters by name, with the names that LightGBM, XGBoost or CatBoost
            gives them.
        seed: Seed for all random choices.
        threads: Number of threads that fit and predict.
    """

    trees: int
    learning_rate: float
    parameters: Mapping[str, int | float | str]
    seed: int
    threads: int


class Model(Protocol):
    """Interface of a model that predicts log sales; the same inputs give the same predictions.

    A model does not change after :meth:`fit` or :meth:`load`, not even its number of threads, so
    that several threads can call :meth:`predict_log_sales` at once.

    Attributes:
        packages: Names of the Python packages that this model needs in addition to those that all
            models need. They become requirements of the model registered in MLflow.
        categories: Codes that replace the values of text features, fixed by :meth:`fit`.
    """

    packages: ClassVar[tuple[str, ...]]
    categories: Categories

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit a model on the rows of a training panel.

        Args:
            panel: Training panel with all features, and ``sales`` in EUR.
            features: Names of the features to use, in column order.
            settings: Number of trees, other parameters, seed and threads.
        """
        ...

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict log sales for rows that have all features.

        Returns:
            Log sales before the bias factor, shape (rows,).
        """
        ...

    def importance(self) -> pl.DataFrame:
        """Compute how much the model uses each feature.

        Returns:
            ``feature, gain, gain_share`` (``gain`` divided by its sum) and ``splits`` (number of
            splits on the feature, null if unknown), one row per feature, largest ``gain`` first.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model into files in an existing folder."""
        ...

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Load a model from the files that :meth:`save` wrote.

        Args:
            folder: Folder with the files.
            threads: Number of threads that predict.
        """
        ...


def design_matrix(panel: pl.DataFrame, features: list[str], categories: Categories) -> Float32Array:
    """Convert a panel's features to an array for fitting or predicting.

    Args:
        panel: Rows with all features.
        features: Names of the features, in column order.
        categories: Codes that replace the values of text features.

    Returns:
        Array of 32-bit floats, shape (rows, features).
    """
    encoded = categories.encode(panel.select(features))
    return encoded.cast(pl.Float32).to_numpy(order="c")


def log_base(panel: pl.DataFrame) -> FloatArray:
    """Return the linear forecast in a panel, to which models add a correction.

    Returns:
        Linear forecast of log sales, including the store's recent shift, shape (rows,).
    """
    return panel[BASE_COLUMN].cast(pl.Float64).to_numpy()


def log_target(panel: pl.DataFrame) -> FloatArray:
    """Compute what models are fitted to predict: log sales minus the linear forecast.

    Args:
        panel: Rows of a training panel, with ``sales`` in EUR.

    Returns:
        Differences in log units, shape (rows,).
    """
    return np.asarray(np.log(panel["sales"].to_numpy()) - log_base(panel))


def importance_frame(
    features: list[str], gain: FloatArray, splits: np.ndarray | None = None
) -> pl.DataFrame:
    """Build the table that :meth:`Model.importance` returns.

    Args:
        features: Names of the features.
        gain: Importance of each feature, in units of the model family, shape (features,).
        splits: Number of splits on each feature, shape (features,); None if unknown.
    """
    unknown = [None] * len(gain)
    return pl.DataFrame(
        {
            "feature": features,
            "gain": gain,
            "gain_share": gain / max(float(gain.sum()), 1e-12),
            "splits": pl.Series(unknown if splits is None else splits, dtype=pl.Int64),
        }
    ).sort("gain", "feature", descending=[True, False])
