"""Register a bundle in MLflow as a model that predicts from a pandas frame.

The artifact has the bundle's files and this library's code without pickled objects, so that
``mlflow.pyfunc.load_model("models:/rossmann-forecaster@champion")`` works in an environment with
the listed packages. It serves inspection and comparison; the weekly job loads the bundle itself.
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
KEYS = ("forecast_origin", "store_id", "target_date", "horizon_days", "is_open")
_PACKAGES = (
    "holidays", "mlflow", "numpy", "pandas", "polars", "pyarrow", "pydantic", "python-dateutil",
    "pyyaml", "scipy",
)  # fmt: skip
"""Packages that every bundle needs; each member adds its own."""


def log_bundle(bundle: Bundle, folder: Path, example: pl.DataFrame) -> Any:
    """Log a bundle into the active MLflow run and register it, with signature and example.

    Args:
        bundle: The bundle.
        folder: Folder of the bundle's files.
        example: Panel rows for the signature and the input example.
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
    """Return the packages that loading a bundle needs, each with the installed version."""
    of_members = (name for model in bundle.model.members.values() for name in model.packages)
    return [f"{name}=={version(name)}" for name in sorted({*_PACKAGES, *of_members})]


def plain_frame(bundle: Bundle, panel: pl.DataFrame) -> pd.DataFrame:
    """Return the input columns of the registered model, in types that MLflow supports.

    Returns:
        ``forecast_origin, store_id, target_date, horizon_days, is_open`` and the features.
    """
    features = [name for name in bundle.metadata.features if name not in KEYS]
    return panel.select(
        pl.col("forecast_origin", "target_date").cast(pl.Datetime("ns")),
        pl.col("store_id", "horizon_days").cast(pl.Int64),
        pl.col("is_open").cast(pl.Boolean),
        pl.col([name for name in features if name not in STORE_FEATURES]).cast(pl.Float64),
        pl.col([name for name in features if name in STORE_FEATURES]).cast(pl.String),
    ).to_pandas()


def forecast_plain_frame(bundle: Bundle, asked: pd.DataFrame) -> pd.DataFrame:
    """Forecast the rows of a frame with the columns of :func:`plain_frame`.

    Returns:
        ``store_id, target_date, sales_forecast`` and the interval bounds, in the order of the rows.
    """
    features = [name for name in bundle.metadata.features if name not in KEYS]
    panel = pl.from_pandas(asked).with_columns(
        pl.col("forecast_origin", "target_date").cast(pl.Date),
        pl.col("store_id", "horizon_days").cast(pl.Int32),
        pl.col([name for name in features if name not in STORE_FEATURES]).cast(pl.Float32),
        pl.col([name for name in features if name in STORE_FEATURES]).cast(pl.String),
    )
    answered = bundle.forecast(panel).drop("forecast_origin", "horizon_days", "is_open")
    return answered.with_columns(pl.col("target_date").cast(pl.Datetime("ns"))).to_pandas()
