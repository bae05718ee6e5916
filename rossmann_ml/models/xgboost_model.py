"""XGBoost on the log of sales relative to the linear forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import xgboost

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.base import (
    FitSettings,
    design_matrix,
    importance_frame,
    log_base,
    log_target,
)

_FILE = "xgboost.ubj"


class XGBoostModel:
    """A gradient-boosted tree model of XGBoost, see :class:`rossmann_ml.models.base.Model`."""

    family: ClassVar[str] = "xgboost"

    def __init__(self, booster: xgboost.Booster) -> None:
        self.booster = booster
        self.features: list[str] = list(booster.feature_names or [])

    @classmethod
    def fit(cls, panel: pl.DataFrame, features: list[str], settings: FitSettings) -> Self:
        """Fit on a training panel; see :meth:`rossmann_ml.models.base.Model.fit`."""
        parameters: dict[str, Any] = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            **settings.parameters,
            "learning_rate": settings.learning_rate,
            "seed": settings.seed,
            "nthread": settings.threads,
        }
        data = xgboost.QuantileDMatrix(
            design_matrix(panel, features),
            log_target(panel),
            feature_names=features,
            # the matrix must be binned as the booster expects it
            max_bin=int(parameters.get("max_bin", 256)),
            nthread=settings.threads,
        )
        return cls(xgboost.train(parameters, data, num_boost_round=settings.trees))

    def predict_log_sales(self, panel: pl.DataFrame, *, threads: int) -> FloatArray:
        """Predict; see :meth:`rossmann_ml.models.base.Model.predict_log_sales`."""
        self.booster.set_param({"nthread": threads})
        matrix = design_matrix(panel, self.features)
        # in place: a DMatrix would check names and keep answers of matrices it has seen
        departure = self.booster.inplace_predict(matrix, validate_features=False)
        return np.asarray(departure.astype(np.float64) + log_base(panel))

    def importance(self) -> pl.DataFrame:
        """What each feature brought; see :meth:`rossmann_ml.models.base.Model.importance`."""
        gain, splits = (self.booster.get_score(importance_type=k) for k in ("total_gain", "weight"))
        return importance_frame(
            self.features,
            np.array([float(gain.get(name, 0.0)) for name in self.features]),
            np.array([int(splits.get(name, 0)) for name in self.features]),
        )

    def save(self, folder: Path) -> None:
        """Write ``xgboost.ubj``, XGBoost's own binary JSON."""
        self.booster.save_model(folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``xgboost.ubj``."""
        if not (folder / _FILE).exists():  # XGBoost's own error names a line of C++
            raise FileNotFoundError(2, "no such file", str(folder / _FILE))
        return cls(xgboost.Booster(model_file=folder / _FILE))
