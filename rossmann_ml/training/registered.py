"""Register a bundle in MLflow as a model that predicts from a pandas data frame.

The registered model consists of the bundle's files and the code of ``rossmann_ml``, without pickled
objects. ``mlflow.pyfunc.load_model("models:/rossmann-forecaster@champion")`` loads it in any
environment with the required packages. It is meant for inspecting and comparing models; the weekly
job loads the bundle directly.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rossmann_ml.features.panel import STORE_FEATURES
from rossmann_ml.models.bundle import Bundle

if TYPE_CHECKING:
    import pandas as pd

REGISTERED_MODEL = "rossmann-forecaster"
HOW_TO_LOAD = """\
## How to load it

```python
import mlflow

mlflow.set_tracking_uri("http://127.0.0.1:5000")
model = mlflow.pyfunc.load_model("models:/rossmann-forecaster@champion")
print(model.predict(model.input_example))
```
"""
"""Section on loading the model, in Markdown, for the description of the registered model."""
KEYS = ("forecast_origin", "store_id", "target_date", "horizon_days", "is_open")
_PACKAGES = (
    "holidays", "lightgbm", "mlflow", "numpy", "pandas", "polars", "pyarrow", "pydantic",
    "python-dateutil", "pyyaml", "scipy",
)  # fmt: skip
"""Python packages that every bundle needs to forecast; each member needs its own in addition."""


def log_bundle(bundle: Bundle, folder: Path, example: pl.DataFrame) -> Any:
    """Log a bundle to the active MLflow run, and register it as a model.

    Args:
        bundle: Bundle to register.
        folder: Folder with the bundle's files.
        example: Rows of a panel, from which the input example and the signature (names and types of
            columns) are made.

    Returns:
        MLflow's ``ModelInfo`` about the registered model.
    """
    import mlflow.pyfunc  # noqa: PLC0415 - takes seconds
    from mlflow.models import infer_signature  # noqa: PLC0415 - see above

    with warnings.catch_warnings():
        # warnings on nullable integers and type hints do not apply to these columns
        warnings.simplefilter("ignore", UserWarning)
        asked = plain_frame(bundle, example.with_columns(is_open=pl.lit(True)))
        answered = forecast_plain_frame(bundle, asked)
        package = Path(__file__).parents[1]
        return mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("registered_model.py")),
            artifacts={"bundle": str(folder)},
            code_paths=[str(package)],
            registered_model_name=REGISTERED_MODEL,
            signature=infer_signature(asked, answered),
            input_example=asked,
            pip_requirements=requirements(bundle),
        )


def requirements(bundle: Bundle) -> list[str]:
    """List the Python packages that MLflow must install to load a bundle, as ``name==version``.

    The versions are those that are installed here.
    """
    of_members = (name for model in bundle.model.members.values() for name in model.packages)
    return [f"{name}=={version(name)}" for name in sorted({*_PACKAGES, *of_members})]


def plain_frame(bundle: Bundle, panel: pl.DataFrame) -> pd.DataFrame:
    """Convert a panel to the pandas frame that the registered model takes as input.

    The column types of the result are those that MLflow supports.

    Args:
        bundle: Bundle that is registered; it names the features.
        panel: Rows to convert, with the columns ``forecast_origin, store_id, target_date,
            horizon_days, is_open``, all features of the bundle and, if they are known, the day's
            ``mean_departure`` of the published table ``mean_departures``.

    Returns:
        The same columns and rows; other columns of `panel` are dropped. ``mean_departure`` is NaN
        if it is not known.
    """
    features = [name for name in bundle.metadata.features if name not in KEYS]
    if "mean_departure" not in panel.columns:
        panel = panel.with_columns(mean_departure=pl.lit(None, pl.Float64))
    return panel.select(
        pl.col("forecast_origin", "target_date").cast(pl.Datetime("ns")),
        pl.col("store_id", "horizon_days").cast(pl.Int64),
        pl.col("is_open").cast(pl.Boolean),
        pl.col([name for name in features if name not in STORE_FEATURES]).cast(pl.Float64),
        pl.col([name for name in features if name in STORE_FEATURES]).cast(pl.String),
        pl.col("mean_departure").cast(pl.Float64).fill_null(float("nan")),
    ).to_pandas()


def forecast_plain_frame(bundle: Bundle, asked: pd.DataFrame) -> pd.DataFrame:
    """Forecast the rows of a pandas frame with a bundle.

    Args:
        bundle: Bundle to forecast with.
        asked: Rows with the columns that :func:`plain_frame` returns. If ``mean_departure`` is NaN
            in all rows, it is computed from them, so they must be the rows of all stores.

    Returns:
        ``store_id, target_date, sales_forecast, lower_80, upper_80, lower_95, upper_95``, in the
        row order of ``asked``; forecasts and bounds in EUR.
    """
    features = [name for name in bundle.metadata.features if name not in KEYS]
    panel = pl.from_pandas(asked).with_columns(
        pl.col("forecast_origin", "target_date").cast(pl.Date),
        pl.col("store_id", "horizon_days").cast(pl.Int32),
        pl.col([name for name in features if name not in STORE_FEATURES]).cast(pl.Float32),
        pl.col([name for name in features if name in STORE_FEATURES]).cast(pl.String),
    )
    given = panel.select("forecast_origin", "target_date", pl.col("mean_departure").fill_nan(None))
    means = given.drop_nulls().unique()
    answered = bundle.forecast(panel, None if means.is_empty() else means).drop(
        "forecast_origin",
        "horizon_days",
        "is_open",
        "mean_departure",
        "sales_median",
        "error_scale",
    )
    return answered.with_columns(pl.col("target_date").cast(pl.Datetime("ns"))).to_pandas()
