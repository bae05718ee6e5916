"""Fit an XGBoost model to the difference between log sales and the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import xgboost

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.base import (
    FitSettings,
    Model,
    design_matrix,
    importance_frame,
    log_base,
    log_target,
)
from rossmann_ml.models.categories import Categories

_FILE = "xgboost.ubj"


class XGBoostModel:
    """Gradient-boosted trees fitted by XGBoost, see :class:`rossmann_ml.models.base.Model`."""

    packages: ClassVar[tuple[str, ...]] = ("xgboost-cpu",)

    def __init__(self, booster: xgboost.Booster, categories: Categories, threads: int) -> None:
        self.booster = booster
        self.categories = categories
        self.features: list[str] = list(booster.feature_names or [])
        # XGBoost configures a booster at its first prediction after a parameter was set, which is
        # not thread-safe, so both happen here
        booster.set_param({"nthread": threads})
        booster.inplace_predict(np.zeros((1, len(self.features)), np.float32))

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit an XGBoost model to a panel; see :meth:`rossmann_ml.models.base.Model.fit`."""
        parameters: dict[str, Any] = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            **settings.parameters,
            "learning_rate": settings.learning_rate,
            "seed": settings.seed,
            "nthread": settings.threads,
        }
        categories = Categories.of(panel)
        data = xgboost.QuantileDMatrix(
            design_matrix(panel, features, categories),
            log_target(panel),
            feature_names=features,
            # the matrix must have the bins that the booster expects
            max_bin=int(parameters.get("max_bin", 256)),
            nthread=settings.threads,
        )
        booster = xgboost.train(parameters, data, num_boost_round=settings.trees)
        return cls(booster, categories, settings.threads)

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict log sales; see :meth:`rossmann_ml.models.base.Model.predict_log_sales`."""
        matrix = design_matrix(panel, self.features, self.categories)
        # in place, because a DMatrix would check names and cache predictions
        departure = self.booster.inplace_predict(matrix, validate_features=False)
        return np.asarray(departure.astype(np.float64) + log_base(panel))

    def importance(self) -> pl.DataFrame:
        """Compute feature importances; see :meth:`rossmann_ml.models.base.Model.importance`."""
        gain, splits = (self.booster.get_score(importance_type=k) for k in ("total_gain", "weight"))
        return importance_frame(
            self.features,
            np.array([float(gain.get(name, 0.0)) for name in self.features]),
            np.array([int(splits.get(name, 0)) for name in self.features]),
        )

    def save(self, folder: Path) -> None:
        """Write the model to ``xgboost.ubj`` and its category codes to ``categories.json``."""
        self.categories.save(folder)
        self.booster.save_model(folder / _FILE)

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Load a model from its files; see :meth:`rossmann_ml.models.base.Model.load`."""
        if not (folder / _FILE).exists():  # the error of XGBoost names a line of C++
            raise FileNotFoundError(2, "no such file", str(folder / _FILE))
        booster = xgboost.Booster(model_file=folder / _FILE)
        return cls(booster, Categories.load(folder), threads)


FAMILY_MODEL: type[Model] = XGBoostModel
