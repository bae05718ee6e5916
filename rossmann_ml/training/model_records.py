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
from rossmann_ml.warehouse.connection import append_frame, one_row, utc_now
from rossmann_ml.warehouse.versions import Versions


@dataclass(frozen=True)
class TrainingReport:
    """Result of training a model.

    Attributes:
        model_version: Name of the model, made from its family, its newest training day and a hash
            of its files.
        registry_version: Version number in MLflow's registry; empty if it is not registered.
        mlflow_run_id: Identifier of the MLflow run; empty if there is none.
        training_rows: Number of rows on which the model was fitted.
        rmspe_median: Median RMSPE over the backtest's origins. Users see the median, because a
            single store-day with tiny sales can dominate the mean.
        rmspe_mean: Mean RMSPE over the same origins.
        rmspe_spread: Standard deviation of RMSPE over the same origins.
        seconds: Wall time in seconds to fit the model.
        is_new: Whether the model was not recorded before.
        weights: Weights in the blend, by member.
        importance: Importance of each feature: ``feature, gain, gain_share, splits``.
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
        model: Value of the column ``model``: the blend, a member or a reference.
    """
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
    """Build the report for a newly trained bundle.

    Args:
        bundle: Saved bundle.
        scores: Error metrics from the backtest of its recipe.
        training_rows: Number of rows on which it was fitted.
        seconds: Wall time in seconds to fit it.
        mlflow_run_id: Identifier of the MLflow run; empty for a model that was trained for a past
            origin, because such models never serve.
        registry_version: Version number in MLflow's registry; empty for such a model.
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
    """Build the report for a bundle that was recorded before, from its record.

    Args:
        connection: Pipeline database.
        bundle: Saved bundle.
        seconds: Wall time in seconds of the current training.

    Returns:
        The report, with ``is_new`` False; None if the bundle is not recorded.
    """
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
    """Record a model, its error metrics and its feature importances in the schema ``forecasting``.

    Args:
        connection: Pipeline database.
        recipe: Recipe with which the model was fitted.
        report: Report about the training.
        trained_through: Newest day in the training data.
        versions: Versions of data and code.
        scores: Error metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
    """
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
