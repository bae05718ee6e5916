"""Record trained models in ``forecasting.model_versions``, and read the records.

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
from rossmann_ml.warehouse.connection import append_frame, one_row, utc_now
from rossmann_ml.warehouse.versions import Versions


@dataclass(frozen=True)
class TrainingReport:
    """Result of a training.

    Attributes:
        model_version: Name of the model: family, newest training day and hash of the content.
        registry_version: Version number in MLflow's registry.
        mlflow_run_id: Id of the MLflow run.
        training_rows: Number of rows in the final fit.
        rmspe_median: Median RMSPE over the origins of the backtest. Users see the median because a
            single store-day with tiny sales can dominate the mean.
        rmspe_mean: Mean RMSPE over the same origins.
        rmspe_spread: Standard deviation of RMSPE over the same origins.
        seconds: Wall time of the final fit.
        is_new: False when the same model was recorded before.
        weights: Blend weights by member.
        importance: ``feature, gain, gain_share, splits``.
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
    """Return the RMSPE of one model over all rows of an origin, by ISO date of the origin."""
    rows = scores.filter(
        (pl.col("model") == model)
        & (pl.col("segment_kind") == "overall")
        & pl.col("forecast_origin").is_not_null()
    )
    return {str(row["forecast_origin"]): row["rmspe"] for row in rows.iter_rows(named=True)}


def training_report(
    bundle: Bundle,
    scores: pl.DataFrame,
    *,
    training_rows: int,
    seconds: float,
    mlflow_run_id: str = "",
    registry_version: str = "",
) -> TrainingReport:
    """Build a `TrainingReport` for a newly trained bundle.

    Args:
        bundle: Saved bundle.
        scores: Scores of its backtest.
        training_rows: Number of rows in the final fit.
        seconds: Wall time of the final fit.
        mlflow_run_id: Id of the MLflow run; empty for a model of a past origin, which never serves.
        registry_version: Version number in the registry; empty for a model of a past origin.
    """
    figures = pl.Series(list(rmspe_by_origin(scores, BLEND).values())).to_numpy()
    return TrainingReport(
        model_version=bundle.model_version,
        registry_version=registry_version,
        mlflow_run_id=mlflow_run_id,
        training_rows=training_rows,
        rmspe_median=float(np.median(figures)),
        rmspe_mean=float(figures.mean()),
        rmspe_spread=float(figures.std()),
        seconds=seconds,
        is_new=True,
        weights=dict(bundle.model.weights),
        importance=bundle.model.importance(),
    )


def stored_report(
    connection: duckdb.DuckDBPyConnection, bundle: Bundle, seconds: float
) -> TrainingReport | None:
    """Return the report of a recorded model, or None when the bundle is not recorded."""
    row = one_row(
        connection,
        "SELECT registry_version, mlflow_run_id, training_rows, rmspe_median, rmspe_mean, "
        "rmspe_spread "
        "FROM forecasting.model_versions WHERE model_version = ?",
        [bundle.model_version],
    )
    if row is None:
        return None
    registry_version, mlflow_run_id, training_rows, rmspe_median, rmspe_mean, rmspe_spread = row
    return TrainingReport(
        model_version=bundle.model_version,
        registry_version=registry_version,
        mlflow_run_id=mlflow_run_id,
        training_rows=training_rows,
        rmspe_median=rmspe_median,
        rmspe_mean=rmspe_mean,
        rmspe_spread=rmspe_spread,
        seconds=seconds,
        is_new=False,
        weights=dict(bundle.model.weights),
        importance=bundle.model.importance(),
    )


def record_model(
    connection: duckdb.DuckDBPyConnection,
    *,
    recipe: Recipe,
    report: TrainingReport,
    trained_through: date,
    versions: Versions,
    scores: pl.DataFrame,
) -> None:
    """Insert a model, its scores and its importances into ``forecasting``."""
    now = utc_now()
    row = pl.DataFrame(
        {
            "model_version": report.model_version,
            "family": BLEND,
            "profile": recipe.profile,
            "recipe_hash": recipe.hash,
            "recipe": recipe.key.to_json(),
            "blend_weights": json.dumps(report.weights),
            "trained_through": trained_through,
            "data_version": versions.data,
            "code_version": versions.code,
            "git_commit": versions.commit,
            "mlflow_run_id": report.mlflow_run_id,
            "registry_version": report.registry_version,
            "training_rows": report.training_rows,
            "rmspe_median": report.rmspe_median,
            "rmspe_mean": report.rmspe_mean,
            "rmspe_spread": report.rmspe_spread,
            "training_seconds": report.seconds,
            "created_at": now,
        }
    )
    version = pl.lit(report.model_version).alias("model_version")
    append_frame(connection, "forecasting.model_versions", row)
    append_frame(
        connection,
        "forecasting.backtest_scores",
        scores.with_columns(version, scored_at=pl.lit(now)),
    )
    append_frame(
        connection, "forecasting.feature_importance", report.importance.with_columns(version)
    )
