"""What MLflow runs when it loads the registered model: the artifact's code, not the product's.

Belongs here: the adapter that MLflow asks for, and nothing else. MLflow executes this file, so that
no object has to be pickled.
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
    """Forecasts the rows of a plain frame with the bundle that lies beside it."""

    def load_context(self, context: Any) -> None:
        """Read the bundle."""
        folder = Path(context.artifacts["bundle"])
        self.bundle = Bundle.load(folder.parent, folder.name, threads=1)

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Forecast; see :func:`rossmann_ml.training.registered.forecast_plain_frame`."""
        return forecast_plain_frame(self.bundle, model_input)


mlflow.models.set_model(BundleModel())
