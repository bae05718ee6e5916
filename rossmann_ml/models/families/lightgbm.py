"""Fit a LightGBM model to the difference between log sales and the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import lightgbm
import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.features.panel import categorical_features
from rossmann_ml.models.base import (
    FitSettings,
    Model,
    design_matrix,
    importance_frame,
    log_base,
    log_target,
)
from rossmann_ml.models.categories import Categories

_FILE = "lightgbm.txt"


class LightGBMModel:
    """Gradient-boosted trees fitted by LightGBM, see :class:`rossmann_ml.models.base.Model`."""

    packages: ClassVar[tuple[str, ...]] = ("lightgbm",)

    def __init__(self, booster: lightgbm.Booster, categories: Categories, threads: int) -> None:
        self.booster = booster
        self.categories = categories
        self._threads = threads
        self.features: list[str] = booster.feature_name()

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit a LightGBM model to a panel; see :meth:`rossmann_ml.models.base.Model.fit`."""
        parameters: dict[str, Any] = {
            "objective": "l2",
            **settings.parameters,
            "learning_rate": settings.learning_rate,
            "seed": settings.seed,
            "num_threads": settings.threads,
            # bit-identical trees for the same inputs
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        categories = Categories.of(panel)
        data = lightgbm.Dataset(
            design_matrix(panel, features, categories),
            log_target(panel),
            feature_name=features,
            categorical_feature=[name for name in categorical_features() if name in features],
            params=parameters,
        )
        booster = lightgbm.train(parameters, data, num_boost_round=settings.trees)
        return cls(booster, categories, settings.threads)

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict log sales; see :meth:`rossmann_ml.models.base.Model.predict_log_sales`."""
        matrix = design_matrix(panel, self.features, self.categories)
        departure = np.asarray(self.booster.predict(matrix, num_threads=self._threads), np.float64)
        return np.asarray(departure + log_base(panel))

    def importance(self) -> pl.DataFrame:
        """Compute feature importances; see :meth:`rossmann_ml.models.base.Model.importance`."""
        gain = self.booster.feature_importance("gain").astype(np.float64)
        return importance_frame(self.features, gain, self.booster.feature_importance("split"))

    def save(self, folder: Path) -> None:
        """Write the model to ``lightgbm.txt`` and its category codes to ``categories.json``."""
        self.categories.save(folder)
        self.booster.save_model(str(folder / _FILE))

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Load a model from its files; see :meth:`rossmann_ml.models.base.Model.load`."""
        if not (folder / _FILE).exists():  # LightGBM raises another error, and prints it too
            raise FileNotFoundError(2, "no such file", str(folder / _FILE))
        booster = lightgbm.Booster(model_file=str(folder / _FILE))
        return cls(booster, Categories.load(folder), threads)


FAMILY_MODEL: type[Model] = LightGBMModel
