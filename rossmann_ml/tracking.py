"""MLflow: the log of every training and the registry of its models.

Belongs here: everything that talks to MLflow. MLflow is never asked what serves: that is in
``forecasting.promotions`` and in the bundle; its aliases follow.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rossmann_ml.errors import TrackingError
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.recipe import Recipe
from rossmann_ml.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "rossmann-forecast"
REGISTERED_MODEL = "rossmann-forecaster"
CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class LoggedModel:
    """Where MLflow keeps a model.

    Attributes:
        run_id: The run.
        registry_version: The number in the registry.
    """

    run_id: str
    registry_version: str


@contextmanager
def client(settings: Settings) -> Iterator[MlflowClient]:
    """A client of the settings' tracking address, with the experiment made if need be.

    Raises:
        TrackingError: MLflow does not answer or refuses; the message names its address.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    import mlflow  # noqa: PLC0415 - takes seconds, and most commands do without
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    folder = settings.state_path / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        mlflow.set_tracking_uri(settings.tracking_uri)
        found = mlflow.MlflowClient()
        if found.get_experiment_by_name(EXPERIMENT) is None:
            # a server keeps artifacts where it was told to; the local store beside its database
            own = settings.tracking_uri.startswith("sqlite")
            location = str(folder / "artifacts") if own else None
            found.create_experiment(EXPERIMENT, artifact_location=location)
        yield found
    except MlflowException as error:
        raise TrackingError(
            f"MLflow at {settings.tracking_uri} did not do what was asked: {error}. "
            "Is MLFLOW_TRACKING_URI right, and is the server running?"
        ) from error


def log_training(
    settings: Settings,
    *,
    bundle: Bundle,
    recipe: Recipe,
    panel: pl.DataFrame,
    scores: pl.DataFrame,
    rmspe_by_origin: Mapping[str, float],
    training_seconds: float,
    tags: Mapping[str, str],
) -> LoggedModel:
    """Log one training and register its model, with the alias ``challenger``.

    Args:
        settings: Where MLflow is.
        bundle: The saved bundle.
        recipe: What it was made by.
        panel: The training panel; three rows become the input example.
        scores: The backtest's scores.
        rmspe_by_origin: Their summary.
        training_seconds: Wall time of the final fit.
        tags: Versions of data and code, and the origin.

    Raises:
        TrackingError: MLflow does not answer or refuses.
    """
    with client(settings) as found:
        import mlflow  # noqa: PLC0415 - see client

        experiment = found.get_experiment_by_name(EXPERIMENT)
        with (
            mlflow.start_run(
                experiment_id=experiment.experiment_id, run_name=bundle.model_version
            ) as run,
            tempfile.TemporaryDirectory() as scratch,
        ):
            mlflow.set_tags(
                {
                    **tags,
                    "model_version": bundle.model_version,
                    "model_type": recipe.family,
                    "profile": recipe.profile,
                    "phase": "training",
                    "recipe_hash": recipe.hash,
                }
            )
            mlflow.log_params(_flat_parameters(recipe))
            figures = pl.Series(list(rmspe_by_origin.values())).to_numpy()
            mlflow.log_metrics(
                {
                    **{f"rmspe_{origin}": value for origin, value in rmspe_by_origin.items()},
                    "rmspe_mean": float(figures.mean()),
                    "rmspe_spread": float(figures.std()),
                    "training_seconds": training_seconds,
                    "training_rows": float(len(panel)),
                }
            )
            _write_reports(Path(scratch), bundle, scores)
            mlflow.log_artifacts(scratch, "reports")
            mlflow.log_artifacts(str(settings.models_path / bundle.model_version), "bundle")
            logged = _log_model(bundle, panel)
        version = str(logged.registered_model_version)
        for name, value in {**tags, "model_version": bundle.model_version}.items():
            found.set_model_version_tag(REGISTERED_MODEL, version, name, value)
        found.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, version)
    return LoggedModel(run.info.run_id, version)


def set_champion(settings: Settings, registry_version: str) -> None:
    """Let the alias ``champion`` follow a decision.

    Raises:
        TrackingError: MLflow does not answer or refuses.
    """
    with client(settings) as found:
        found.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, registry_version)


def _log_model(bundle: Bundle, panel: pl.DataFrame) -> Any:
    import lightgbm  # noqa: PLC0415 - the flavour's own library
    import mlflow.lightgbm  # noqa: PLC0415 - see client

    example = panel.head(3).select(pl.col(bundle.metadata.features).cast(pl.Float64)).to_pandas()
    return mlflow.lightgbm.log_model(
        bundle.model.booster,  # type: ignore[attr-defined]
        name="model",
        registered_model_name=REGISTERED_MODEL,
        input_example=example,
        pip_requirements=[f"lightgbm=={lightgbm.__version__}"],  # else MLflow guesses, for long
    )


def _flat_parameters(recipe: Recipe) -> dict[str, object]:
    params = recipe.params
    return {
        "family": recipe.family,
        "horizon_days": params.forecast.horizon_days,
        "seed": params.training.seed,
        "threads": recipe.threads,
        **{f"profile.{key}": value for key, value in recipe.profile_params.model_dump().items()},
        **{f"lightgbm.{key}": value for key, value in params.training.lightgbm.items()},
        **{f"features.{key}": str(value) for key, value in params.features.model_dump().items()},
        "backtest.origins_back_days": str(params.backtest.origins_back_days),
    }


def _write_reports(folder: Path, bundle: Bundle, scores: pl.DataFrame) -> None:
    scores.write_csv(folder / "backtest_scores.csv")
    importance = bundle.model.importance()
    importance.write_csv(folder / "feature_importance.csv")
    plot_scores(scores, folder / "rmspe_by_origin.png")
    plot_importance(importance, folder / "feature_importance.png")


def plot_scores(scores: pl.DataFrame, path: Path) -> None:
    """Draw RMSPE by origin and by horizon week, one line a model, into a PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only when something is drawn

    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = (
        ("overall", "forecast_origin", pl.col("forecast_origin").is_not_null(), "Forecast origin"),
        ("horizon_week", "segment", pl.col("forecast_origin").is_null(), "Horizon week"),
    )
    for axes, (kind, column, chosen, label) in zip(
        figure.subplots(1, 2, sharey=True), panels, strict=True
    ):
        rows = scores.filter((pl.col("segment_kind") == kind) & chosen).sort(column)
        for (model,), part in rows.group_by("model", maintain_order=True):
            axes.plot([str(value) for value in part[column]], part["rmspe"], "o-", label=model)
        axes.set_xlabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("RMSPE")
    figure.axes[1].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def plot_importance(importance: pl.DataFrame, path: Path) -> None:
    """Draw the share of gain of the 25 most important features into a PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only when something is drawn

    top = importance.head(25).reverse()
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots()
    axes.barh(top["feature"].to_list(), top["gain_share"].to_list())
    axes.set_xlabel("Share of gain")
    figure.savefig(path, dpi=110)
