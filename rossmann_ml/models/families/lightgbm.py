"""Fit a LightGBM model to the difference between log sales and the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from rossmann_ml.features.grid import Float32Array, FloatArray
from rossmann_ml.features.panel import categorical_features
from rossmann_ml.models.base import FitSettings, Model


class LightGBMModel(Model):
    """Model of the family ``lightgbm``: gradient-boosted trees, fitted by the library LightGBM."""

    packages = ("lightgbm",)
    file = "lightgbm.txt"
    fitted: lightgbm.Booster

    @classmethod
    def _fit(
        cls, matrix: Float32Array, target: FloatArray, features: list[str], settings: FitSettings
    ) -> lightgbm.Booster:
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
        data = lightgbm.Dataset(
            matrix,
            target,
            feature_name=features,
            categorical_feature=[name for name in categorical_features() if name in features],
            params=parameters,
        )
        return lightgbm.train(parameters, data, num_boost_round=settings.trees)

    def _feature_names(self) -> list[str]:
        return list(self.fitted.feature_name())

    def _predict(self, matrix: Float32Array) -> np.ndarray:
        return np.asarray(self.fitted.predict(matrix, num_threads=self.threads))

    def _gain_and_splits(self) -> tuple[FloatArray, np.ndarray]:
        gain = self.fitted.feature_importance("gain").astype(np.float64)
        return gain, self.fitted.feature_importance("split")

    def _write(self, path: Path) -> None:
        self.fitted.save_model(str(path))

    @classmethod
    def _read(cls, path: Path) -> lightgbm.Booster:
        return lightgbm.Booster(model_file=str(path))


FAMILY_MODEL: type[Model] = LightGBMModel
