"""Fit a CatBoost model to the difference between log sales and the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import catboost
import numpy as np

from rossmann_ml.features.grid import Float32Array, FloatArray
from rossmann_ml.models.base import FitSettings, Model

# Metadata that differ between two fits of the same inputs: a random name and the time.
_VARYING_METADATA = ("model_guid", "train_finish_time", "training", "output_options")


class CatBoostModel(Model):
    """Model of the family ``catboost``: gradient-boosted trees, fitted by the library CatBoost.

    CatBoost does not count splits by feature.
    """

    packages = ("catboost",)
    file = "catboost.cbm"
    fitted: catboost.CatBoostRegressor

    @classmethod
    def _fit(
        cls, matrix: Float32Array, target: FloatArray, features: list[str], settings: FitSettings
    ) -> catboost.CatBoostRegressor:
        parameters: dict[str, Any] = {
            "loss_function": "RMSE",
            **settings.parameters,
            "learning_rate": settings.learning_rate,
            "random_seed": settings.seed,
            "thread_count": settings.threads,
            "logging_level": "Silent",
            "allow_writing_files": False,
        }
        regressor = catboost.CatBoostRegressor(iterations=settings.trees, **parameters)
        return regressor.fit(catboost.Pool(matrix, target, feature_names=features))

    def _feature_names(self) -> list[str]:
        return list(self.fitted.feature_names_)

    def _predict(self, matrix: Float32Array) -> np.ndarray:
        return np.asarray(self.fitted.predict(matrix, thread_count=self.threads))

    def _gain_and_splits(self) -> tuple[FloatArray, None]:
        gain = self.fitted.get_feature_importance(type="PredictionValuesChange")
        return np.asarray(gain, np.float64), None

    def _write(self, path: Path) -> None:
        metadata = self.fitted.get_metadata()
        for key in _VARYING_METADATA:
            if key in metadata.keys():  # noqa: SIM118 - the proxy has no __contains__
                del metadata[key]
        self.fitted.save_model(str(path))

    @classmethod
    def _read(cls, path: Path) -> catboost.CatBoostRegressor:
        return catboost.CatBoostRegressor().load_model(str(path))


FAMILY_MODEL: type[Model] = CatBoostModel
