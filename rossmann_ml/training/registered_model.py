"""Define the class with which MLflow loads the registered model and predicts.

MLflow keeps a copy of this file with the registered model and executes it to load the model, so
that no object needs to be pickled. See :mod:`rossmann_ml.training.registered`.
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
    """MLflow model that forecasts with the bundle that is stored with it."""

    def load_context(self, context: Any) -> None:
        """Load the bundle from the files that MLflow stores with the model."""
        folder = Path(context.artifacts["bundle"])
        self.bundle = Bundle.load(folder.parent, folder.name, threads=1)

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Forecast the rows of ``model_input``.

        See :func:`rossmann_ml.training.registered.forecast_plain_frame` for the columns of input
        and result.
        """
        return forecast_plain_frame(self.bundle, model_input)


mlflow.models.set_model(BundleModel())
