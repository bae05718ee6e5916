"""Define the base class of models, and the functions that all models share.

A new model family is a subclass of :class:`Model` in its own module of
:mod:`rossmann_ml.models.families`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from rossmann_ml.features.grid import Float32Array, FloatArray
from rossmann_ml.features.history import BASE_COLUMN
from rossmann_ml.models.categories import Categories
from rossmann_ml.models.departures import centred

# Largest departure of a training row in log units; 2% of the rows of the real data depart further.
_LARGEST_DEPARTURE = 0.25


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


class Model(ABC):
    """Base class of fitted models, which predict how stores depart from the linear forecast.

    A subclass per family implements the abstract methods with its library. Equal training rows and
    settings give equal models. A model does not change after :meth:`fit` or :meth:`load`, not even
    its number of threads, so that several threads can call :meth:`predict_departures` at once.

    Attributes:
        packages: Names of the Python packages that only this family needs; they are added to the
            requirements of the model that is registered in MLflow.
        file: Name of the model's file, in the format of its library.
        fitted: Fitted object of the library.
        categories: Codes for the values of text features, from the training panel.
        threads: Number of threads that predict.
        features: Names of the features, in column order.
    """

    packages: ClassVar[tuple[str, ...]]
    file: ClassVar[str]
    fitted: Any

    def __init__(self, fitted: Any, categories: Categories, threads: int) -> None:
        self.fitted = fitted
        self.categories = categories
        self.threads = threads
        self.features = self._feature_names()

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit a model of this family on the rows of a training panel.

        Args:
            panel: Rows with all features and ``sales`` in EUR.
            features: Names of the features to use, in column order.
            settings: Number of trees, learning rate, other parameters, seed and threads.
        """
        categories = Categories.of(panel)
        matrix = design_matrix(panel, features, categories)
        fitted = cls._fit(matrix, target_departures(panel), features, settings)
        return cls(fitted, categories, settings.threads)

    def predict_departures(self, panel: pl.DataFrame) -> FloatArray:
        """Predict how stores depart from the linear forecast, for rows that have all features.

        Returns:
            Departures in log units, not yet centred, shape (rows,).
        """
        departures = self._predict(design_matrix(panel, self.features, self.categories))
        return np.asarray(departures, np.float64)

    def importance(self) -> pl.DataFrame:
        """Compute how much each feature contributes to the model's predictions.

        LightGBM and XGBoost measure the gain of a feature by the loss reductions of all splits on
        it, CatBoost by how much predictions change with it (scaled to a sum of 100).

        Returns:
            One row per feature, most important first: ``feature``, ``gain`` (in the library's
            unit, so that it is not comparable between families), ``gain_share`` (share of the sum
            of all gains), ``splits`` (number of tree splits on the feature; null if the library
            does not count them).
        """
        return importance_frame(self.features, *self._gain_and_splits())

    def save(self, folder: Path) -> None:
        """Write the model's file and ``categories.json`` (codes of text features) into a folder.

        Args:
            folder: Existing folder; members of a blend share one.
        """
        self.categories.save(folder)
        self._write(folder / self.file)

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Load a model from the files that :meth:`save` wrote.

        Args:
            folder: Folder with the files.
            threads: Number of threads that predict.

        Raises:
            FileNotFoundError: A file is missing; the error names it.
        """
        path = folder / cls.file
        if not path.exists():  # the libraries' own errors do not name the file
            raise FileNotFoundError(2, "no such file", str(path))
        return cls(cls._read(path), Categories.load(folder), threads)

    @classmethod
    @abstractmethod
    def _fit(
        cls, matrix: Float32Array, target: FloatArray, features: list[str], settings: FitSettings
    ) -> Any:
        """Fit the family's library (such as LightGBM), and return its fitted object.

        Args:
            matrix: Values of the features, shape (rows, features).
            target: Centred departures from the linear forecast, shape (rows,).
            features: Names of the features, in column order.
            settings: Number of trees, learning rate, other parameters, seed and threads.
        """

    @abstractmethod
    def _feature_names(self) -> list[str]:
        """Return the names of the features in column order, as the fitted object stores them."""

    @abstractmethod
    def _predict(self, matrix: Float32Array) -> np.ndarray:
        """Predict departures from the linear forecast, shape (rows,).

        ``matrix`` has the values of the features, shape (rows, features).
        """

    @abstractmethod
    def _gain_and_splits(self) -> tuple[FloatArray, np.ndarray | None]:
        """Return the gain of each feature and the number of splits on it.

        Returns:
            Gains (see :meth:`importance`) and numbers of splits, both of shape (features,) in
            column order; None in place of the splits if the library does not count them.
        """

    @abstractmethod
    def _write(self, path: Path) -> None:
        """Write the fitted object to a file.

        Equal fits must give equal bytes, because the model version contains a hash of the files.
        """

    @classmethod
    @abstractmethod
    def _read(cls, path: Path) -> Any:
        """Read the fitted object from the file that :meth:`_write` wrote."""


def design_matrix(panel: pl.DataFrame, features: list[str], categories: Categories) -> Float32Array:
    """Convert a panel's features to an array for fitting or predicting.

    Args:
        panel: Rows with all features.
        features: Names of the features, in column order.
        categories: Codes that replace the values of text features.

    Returns:
        Array of 32-bit floats, shape (rows, features). A null number is NaN; for null and unknown
        texts see :meth:`Categories.encode`.
    """
    encoded = categories.encode(panel.select(features))
    return encoded.cast(pl.Float32).to_numpy(order="c")


def log_base(panel: pl.DataFrame) -> FloatArray:
    """Return the linear forecast in a panel, from which models predict departures.

    Returns:
        Linear forecast of log sales plus the store's recent shift (see
        :func:`rossmann_ml.features.linear.recent_shift`), shape (rows,).
    """
    return panel[BASE_COLUMN].cast(pl.Float64).to_numpy()


def target_departures(panel: pl.DataFrame) -> FloatArray:
    """Compute what models are fitted to predict: how stores depart from the linear forecast.

    Args:
        panel: Rows of a training panel, with ``sales`` in EUR.

    Returns:
        Log sales minus the linear forecast, centred over the stores of each origin and day, and
        limited to 0.25 log units, so that single events of a store do not draw splits, shape
        (rows,).
    """
    departures = centred(panel, np.log(panel["sales"].to_numpy()) - log_base(panel))
    return np.clip(departures, -_LARGEST_DEPARTURE, _LARGEST_DEPARTURE)


def importance_frame(
    features: list[str], gain: FloatArray, splits: np.ndarray | None = None
) -> pl.DataFrame:
    """Build the table that :meth:`Model.importance` returns, one row per feature.

    Args:
        features: Names of the features.
        gain: Gain of each feature, in the library's unit, shape (features,).
        splits: Number of tree splits on each feature, shape (features,); None if unknown.

    Returns:
        ``feature, gain, gain_share, splits``, largest ``gain`` first.
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
