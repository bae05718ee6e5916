"""Fit a CatBoost model to the difference between log sales and the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import catboost
import numpy as np
import polars as pl

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

_FILE = "catboost.cbm"
# Metadata that differ between two fits of the same inputs: a random name and the time.
_VARYING_METADATA = ("model_guid", "train_finish_time", "training", "output_options")


class CatBoostModel:
    """Gradient-boosted trees fitted by CatBoost, see :class:`rossmann_ml.models.base.Model`."""

    packages: ClassVar[tuple[str, ...]] = ("catboost",)

    def __init__(
        self, regressor: catboost.CatBoostRegressor, categories: Categories, threads: int
    ) -> None:
        self.regressor = regressor
        self.categories = categories
        self._threads = threads
        self.features: list[str] = list(regressor.feature_names_)

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit a CatBoost model to a panel; see :meth:`rossmann_ml.models.base.Model.fit`."""
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
        categories = Categories.of(panel)
        matrix = design_matrix(panel, features, categories)
        regressor.fit(catboost.Pool(matrix, log_target(panel), feature_names=features))
        return cls(regressor, categories, settings.threads)

    def predict_log_sales(self, panel: pl.DataFrame) -> FloatArray:
        """Predict log sales; see :meth:`rossmann_ml.models.base.Model.predict_log_sales`."""
        matrix = design_matrix(panel, self.features, self.categories)
        departure = self.regressor.predict(matrix, thread_count=self._threads)
        return np.asarray(np.asarray(departure, np.float64) + log_base(panel))

    def importance(self) -> pl.DataFrame:
        """Compute feature importances; see :meth:`rossmann_ml.models.base.Model.importance`.

        ``splits`` is null, because CatBoost does not count splits.
        """
        gain = self.regressor.get_feature_importance(type="PredictionValuesChange")
        return importance_frame(self.features, np.asarray(gain, np.float64))

    def save(self, folder: Path) -> None:
        """Write the model to ``catboost.cbm`` and its category codes to ``categories.json``.

        Two fits with the same inputs give byte-identical files.
        """
        self.categories.save(folder)
        metadata = self.regressor.get_metadata()
        for key in _VARYING_METADATA:
            if key in metadata.keys():  # noqa: SIM118 - the proxy has no __contains__
                del metadata[key]
        self.regressor.save_model(str(folder / _FILE))

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Load a model from its files; see :meth:`rossmann_ml.models.base.Model.load`."""
        if not (folder / _FILE).exists():  # the error of CatBoost does not name the file
            raise FileNotFoundError(2, "no such file", str(folder / _FILE))
        regressor = catboost.CatBoostRegressor()
        regressor.load_model(str(folder / _FILE))
        return cls(regressor, Categories.load(folder), threads)


FAMILY_MODEL: type[Model] = CatBoostModel
