"""The interface of a model, and what all models do with a panel.

A new model is a class of the form of :class:`Model` in a module of its own, named in
:mod:`rossmann_ml.models.families`. Belongs here: nothing that is true of one model only.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import polars as pl

from rossmann_ml.features.grid import Float32Array, FloatArray
from rossmann_ml.features.history import BASE_COLUMN
from rossmann_ml.params import ProfileParams, TrainingParams


class Model(Protocol):
    """Fits and predicts log sales of panel rows, deterministically for given inputs."""

    family: ClassVar[str]

    @classmethod
    def fit(
        cls,
        panel: pl.DataFrame,
        features: list[str],
        *,
        profile: ProfileParams,
        params: TrainingParams,
        threads: int,
    ) -> Self:
        """Fit on the rows of a training panel (all features and ``sales``)."""
        ...

    def predict_log_sales(self, panel: pl.DataFrame, *, threads: int) -> FloatArray:
        """Predict the log of sales, shape (rows,), for rows with all features."""
        ...

    def importance(self) -> pl.DataFrame:
        """One row a feature: ``feature, gain, gain_share, splits``, most important first."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model's own files into a folder that is there."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        ...


def design_matrix(panel: pl.DataFrame, features: list[str]) -> Float32Array:
    """The features of a panel as one array, shape (rows, features)."""
    return panel.select(pl.col(features).cast(pl.Float32)).to_numpy(order="c", writable=False)


def log_target(panel: pl.DataFrame) -> FloatArray:
    """What models learn: log sales minus the linear forecast, shape (rows,)."""
    base = panel[BASE_COLUMN].cast(pl.Float64).to_numpy()
    return np.asarray(np.log(panel["sales"].to_numpy()) - base)
