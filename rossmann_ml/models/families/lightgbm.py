"""Fit a LightGBM model to the difference between log sales and the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from rossmann_ml.features.grid import Float32Array, FloatArray
from rossmann_ml.features.panel import categorical_features
from rossmann_ml.models.base import FitSettings, Model


def fit_booster(
    matrix: np.ndarray,
    target: FloatArray,
    features: list[str],
    settings: FitSettings,
    *,
    weights: FloatArray | None = None,
    **fixed: bool,
) -> lightgbm.Booster:
    """Fit trees to a target with LightGBM; equal inputs give bit-identical trees.

    Args:
        matrix: Values of the features, shape (rows, features).
        target: What is predicted, shape (rows,).
        features: Names of the features, in column order.
        settings: Number of trees, learning rate, other parameters, seed and threads.
        weights: Weight of each row, shape (rows,); None for equal weights.
        fixed: Parameters of LightGBM that ``settings`` do not change.
    """
    parameters: dict[str, Any] = {
        "objective": "l2",
        **fixed,
        **settings.parameters,
        "learning_rate": settings.learning_rate,
        "seed": settings.seed,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        matrix,
        target,
        weight=weights,
        feature_name=features,
        categorical_feature=[name for name in categorical_features() if name in features],
        params=parameters,
    )
    return lightgbm.train(parameters, data, num_boost_round=settings.trees)


class LightGBMModel(Model):
    """Model of the family ``lightgbm``: gradient-boosted trees, fitted by the library LightGBM."""

    packages = ("lightgbm",)
    file = "lightgbm.txt"
    fitted: lightgbm.Booster

    @classmethod
    def _fit(
        cls, matrix: Float32Array, target: FloatArray, features: list[str], settings: FitSettings
    ) -> lightgbm.Booster:
        return fit_booster(matrix, target, features, settings)

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
