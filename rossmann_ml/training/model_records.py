"""Record trained models in the table ``forecasting.model_versions``, and read these records.

See :mod:`rossmann_ml.training.fit` for training and :mod:`rossmann_ml.training.gate` for promotion.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.models.blend import BLEND
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.warehouse.connection import append_frame, transaction, utc_now
from rossmann_ml.warehouse.tables import models
from rossmann_ml.warehouse.versions import Versions


@dataclass(frozen=True)
class TrainingReport:
    """Result of training a model.

    Attributes:
        model_version: Name of the bundle's folder: ``blend``, the newest training day and a hash of
            the bundle's files, such as ``blend-20150731-0a1b2c3d``.
        registry_version: Version number in MLflow's registry; empty if it is not registered.
        mlflow_run_id: Identifier of the MLflow run; empty if there is none.
        training_rows: Number of rows on which the model was fitted.
        rmspe_median: Median of the blend's RMSPE over the backtest's origins. Users see the median,
            because a single store-day with tiny sales can dominate the mean.
        rmspe_mean: Mean of the blend's RMSPE over the backtest's origins.
        rmspe_spread: Standard deviation of the blend's RMSPE over the backtest's origins.
        seconds: Wall time in seconds to fit, blend, calibrate and save the model.
        is_new: Whether this training recorded the model; False if an equal model had been recorded
            before.
        weights: Weights in the blend, by member.
        importance: ``feature, gain, gain_share, splits``, one row per feature; see
            :meth:`rossmann_ml.models.blend.Blend.importance`.
    """

    model_version: str
    registry_version: str
    mlflow_run_id: str
    training_rows: int
    rmspe_median: float
    rmspe_mean: float
    rmspe_spread: float
    seconds: float
    is_new: bool
    weights: dict[str, float]
    importance: pl.DataFrame


def rmspe_by_origin(scores: pl.DataFrame, model: str) -> dict[str, float]:
    """Return one model's RMSPE at each past origin, by ISO date of the origin.

    Args:
        scores: Error metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
        model: Value of the column ``model``: the blend, a member, ``linear`` or a baseline.
    """
    rows = scores.filter(
        (pl.col("model") == model)
        & (pl.col("segment_kind") == "overall")
        & pl.col("forecast_origin").is_not_null()
    )
    return {str(row["forecast_origin"]): row["rmspe"] for row in rows.iter_rows(named=True)}


def rmspe_summary(scores: pl.DataFrame, model: str) -> dict[str, float]:
    """Summarise one model's RMSPE over the past origins.

    Args:
        scores: Error metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
        model: Value of the column ``model``: the blend, a member, ``linear`` or a baseline.

    Returns:
        ``rmspe_median``, ``rmspe_mean`` and ``rmspe_spread`` (standard deviation), which are also
        columns of ``forecasting.model_versions``.
    """
    figures = np.array(list(rmspe_by_origin(scores, model).values()))
    return {
        "rmspe_median": float(np.median(figures)),
        "rmspe_mean": float(figures.mean()),
        "rmspe_spread": float(figures.std()),
    }


def stored_report(
    connection: duckdb.DuckDBPyConnection, bundle: Bundle, seconds: float, *, is_new: bool = False
) -> TrainingReport:
    """Build the training report of a recorded model from its record and its bundle.

    Args:
        connection: Connection to the warehouse.
        bundle: Bundle of the model.
        seconds: Wall time of this training in seconds, for the report.
        is_new: Whether this training recorded the model; False if the same model was recorded
            before.
    """
    row = models.recorded(connection, bundle.model_version)
    return TrainingReport(
        model_version=bundle.model_version,
        registry_version=row["registry_version"],
        mlflow_run_id=row["mlflow_run_id"],
        training_rows=row["training_rows"],
        rmspe_median=row["rmspe_median"],
        rmspe_mean=row["rmspe_mean"],
        rmspe_spread=row["rmspe_spread"],
        seconds=seconds,
        is_new=is_new,
        weights=dict(bundle.model.weights),
        importance=bundle.model.importance(),
    )


def record_model(
    connection: duckdb.DuckDBPyConnection,
    bundle: Bundle,
    *,
    recipe: Recipe,
    versions: Versions,
    scores: pl.DataFrame,
    error_parts: pl.DataFrame,
    training_rows: int,
    seconds: float,
    mlflow_run_id: str = "",
    registry_version: str = "",
) -> None:
    """Insert a model, its scores and its importances into ``forecasting``.

    Args:
        connection: Connection to the warehouse.
        bundle: Saved bundle.
        recipe: Recipe of the bundle.
        versions: Versions of data and code.
        scores: Error metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
        error_parts: Result of :func:`rossmann_ml.evaluation.error_parts.error_parts`.
        training_rows: Number of rows on which the model was fitted.
        seconds: Wall time of the training in seconds.
        mlflow_run_id: Id of the MLflow run; empty for a model that was trained only to forecast
            from a past origin, because such a model is not logged in MLflow.
        registry_version: Version number in MLflow's registry; empty if `mlflow_run_id` is.
    """
    now = utc_now()
    row = {
        "family": BLEND,
        "profile": recipe.profile,
        "recipe_hash": recipe.hash,
        "recipe": recipe.key.to_json(),
        "blend_weights": json.dumps(dict(bundle.model.weights)),
        "trained_through": date.fromisoformat(bundle.metadata.trained_through),
        "data_version": versions.data,
        "code_version": versions.code,
        "git_commit": versions.commit,
        "mlflow_run_id": mlflow_run_id,
        "registry_version": registry_version,
        "training_rows": training_rows,
        **rmspe_summary(scores, BLEND),
        "training_seconds": seconds,
        "created_at": now,
    }
    version = pl.lit(bundle.model_version).alias("model_version")
    with transaction(connection):
        for table, rows in (
            ("model_versions", pl.DataFrame(row)),
            ("backtest_scores", scores.with_columns(scored_at=pl.lit(now))),
            ("backtest_error_parts", error_parts),
            ("feature_importance", bundle.model.importance()),
        ):
            append_frame(connection, f"forecasting.{table}", rows.with_columns(version))
