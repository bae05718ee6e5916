"""Fit an XGBoost model to the difference between log sales and the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from rossmann_ml.features.grid import Float32Array, FloatArray
from rossmann_ml.models.base import FitSettings, Model
from rossmann_ml.models.categories import Categories


class XGBoostModel(Model):
    """Model of the family ``xgboost``: gradient-boosted trees, fitted by the library XGBoost."""

    packages = ("xgboost-cpu",)
    file = "xgboost.ubj"
    fitted: xgboost.Booster

    def __init__(self, fitted: xgboost.Booster, categories: Categories, threads: int) -> None:
        super().__init__(fitted, categories, threads)
        # XGBoost configures a booster at its first prediction after a parameter was set, which is
        # not thread-safe, so both happen here
        fitted.set_param({"nthread": threads})
        self._predict(np.zeros((1, len(self.features)), np.float32))

    @classmethod
    def _fit(
        cls, matrix: Float32Array, target: FloatArray, features: list[str], settings: FitSettings
    ) -> xgboost.Booster:
        parameters: dict[str, Any] = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            **settings.parameters,
            "learning_rate": settings.learning_rate,
            "seed": settings.seed,
            "nthread": settings.threads,
        }
        data = xgboost.QuantileDMatrix(
            matrix,
            target,
            feature_names=features,
            # the matrix must have the bins that the booster expects
            max_bin=int(parameters.get("max_bin", 256)),
            nthread=settings.threads,
        )
        return xgboost.train(parameters, data, num_boost_round=settings.trees)

    def _feature_names(self) -> list[str]:
        return list(self.fitted.feature_names or [])

    def _predict(self, matrix: Float32Array) -> np.ndarray:
        # in place, because a DMatrix would check names and cache predictions
        return np.asarray(self.fitted.inplace_predict(matrix, validate_features=False))

    def _gain_and_splits(self) -> tuple[FloatArray, np.ndarray]:
        gain, splits = (self.fitted.get_score(importance_type=k) for k in ("total_gain", "weight"))
        return (
            np.array([float(gain.get(name, 0.0)) for name in self.features]),
            np.array([int(splits.get(name, 0)) for name in self.features]),
        )

    def _write(self, path: Path) -> None:
        self.fitted.save_model(path)

    @classmethod
    def _read(cls, path: Path) -> xgboost.Booster:
        return xgboost.Booster(model_file=path)


FAMILY_MODEL: type[Model] = XGBoostModel
