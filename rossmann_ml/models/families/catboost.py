"""CatBoost on the log of sales relative to the linear forecast."""

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
# What differs between two fits of the same inputs: a name made up at random, and the time.
_PASSING_METADATA = ("model_guid", "train_finish_time", "training", "output_options")


class CatBoostModel:
    """A gradient-boosted tree model of CatBoost, see :class:`rossmann_ml.models.base.Model`."""

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
        """Fit on a training panel; see :meth:`rossmann_ml.models.base.Model.fit`."""
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
        """Predict; see :meth:`rossmann_ml.models.base.Model.predict_log_sales`."""
        matrix = design_matrix(panel, self.features, self.categories)
        departure = self.regressor.predict(matrix, thread_count=self._threads)
        return np.asarray(np.asarray(departure, np.float64) + log_base(panel))

    def importance(self) -> pl.DataFrame:
        """What each feature brought; CatBoost counts no splits."""
        gain = self.regressor.get_feature_importance(type="PredictionValuesChange")
        return importance_frame(self.features, np.asarray(gain, np.float64))

    def save(self, folder: Path) -> None:
        """Write ``catboost.cbm``, the same for the same fit, and the categories."""
        self.categories.save(folder)
        metadata = self.regressor.get_metadata()
        for key in _PASSING_METADATA:
            if key in metadata.keys():  # noqa: SIM118 - the proxy has no other way to ask
                del metadata[key]
        self.regressor.save_model(str(folder / _FILE))

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """Read what :meth:`save` wrote."""
        if not (folder / _FILE).exists():  # CatBoost's own error does not say which file
            raise FileNotFoundError(2, "no such file", str(folder / _FILE))
        regressor = catboost.CatBoostRegressor()
        regressor.load_model(str(folder / _FILE))
        return cls(regressor, Categories.load(folder), threads)


FAMILY_MODEL: type[Model] = CatBoostModel
