"""The model families there are, by name."""

from __future__ import annotations

from rossmann_ml.base.params import FAMILIES
from rossmann_ml.models.base import Model


def model_class(family: str) -> type[Model]:
    """The class of a model family by its name."""
    # imported here: each library takes a moment, and readers of bundles need only what is inside
    if family == "lightgbm":
        from rossmann_ml.models.lightgbm_model import LightGBMModel  # noqa: PLC0415

        return LightGBMModel
    if family == "xgboost":
        from rossmann_ml.models.xgboost_model import XGBoostModel  # noqa: PLC0415

        return XGBoostModel
    if family == "catboost":
        from rossmann_ml.models.catboost_model import CatBoostModel  # noqa: PLC0415

        return CatBoostModel
    raise ValueError(f"no model family is named {family!r}; there are: {', '.join(FAMILIES)}")
