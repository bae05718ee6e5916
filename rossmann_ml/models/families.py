"""The model families there are, by name."""

from __future__ import annotations

from rossmann_ml.models.base import Model


def model_class(family: str) -> type[Model]:
    """The class of a model family by its name."""
    # imported here: each library takes a moment, and readers of bundles need only one
    if family == "lightgbm":
        from rossmann_ml.models.lightgbm_model import LightGBMModel  # noqa: PLC0415

        return LightGBMModel
    raise ValueError(f"no model family is named {family!r}; there is: lightgbm")
