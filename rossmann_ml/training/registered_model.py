"""Adapter that MLflow executes to load the registered model, so that nothing is pickled.

MLflow runs the copy of this file in the artifact. See :mod:`rossmann_ml.training.registered`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.pyfunc import PythonModel

from rossmann_ml.models.bundle import Bundle
from rossmann_ml.training.registered import forecast_plain_frame

if TYPE_CHECKING:
    import pandas as pd


class BundleModel(PythonModel):  # type: ignore[misc]
    """MLflow model that forecasts with the bundle in the same artifact."""

    def load_context(self, context: Any) -> None:
        """Read the bundle from the artifact's files."""
        folder = Path(context.artifacts["bundle"])
        self.bundle = Bundle.load(folder.parent, folder.name, threads=1)

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Return :func:`rossmann_ml.training.registered.forecast_plain_frame` of the input."""
        return forecast_plain_frame(self.bundle, model_input)


mlflow.models.set_model(BundleModel())
