"""Log trainings, tuning trials and model cards to MLflow, and set aliases of registered models.

MLflow is called only here and in :mod:`rossmann_ml.training.registered`. The table
``forecasting.promotions`` defines which model is the champion; MLflow's alias ``champion`` is only
a copy of this.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rossmann_ml.base.errors import TrackingError
from rossmann_ml.base.plots import plot_importance, plot_scores
from rossmann_ml.base.settings import Settings
from rossmann_ml.models.blend import BLEND
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.model_records import rmspe_by_origin
from rossmann_ml.training.registered import REGISTERED_MODEL, log_bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "rossmann-forecast"
CHAMPION, CHALLENGER = "champion", "challenger"
_ADDRESS = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class LoggedModel:
    """Identifiers of a model in MLflow.

    Attributes:
        run_id: Identifier of the MLflow run.
        registry_version: Version number in MLflow's registry.
    """

    run_id: str
    registry_version: str


@contextmanager
def client(settings: Settings) -> Iterator[MlflowClient]:
    """Yield an MLflow client that is connected to the tracking address in the settings.

    The experiment ``rossmann-forecast`` is created if it does not exist. MLflow's errors in the
    ``with`` block become ``TrackingError``.

    Raises:
        TrackingError: MLflow does not respond or refuses; the message names its address.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    import mlflow  # noqa: PLC0415 - takes seconds, and most commands do without

    # its remarks on type hints and schemas do not help the person at the terminal
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - of a local database

    folder = settings.state_path / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    address_before = os.environ.get(_ADDRESS)
    try:
        mlflow.set_tracking_uri(settings.tracking_uri)
        found = mlflow.MlflowClient()
        if found.get_experiment_by_name(EXPERIMENT) is None:
            # a server has its own place for artifacts, a local database has none
            own = settings.tracking_uri.startswith("sqlite")
            location = str(folder / "artifacts") if own else None
            found.create_experiment(EXPERIMENT, artifact_location=location)
        yield found
    except (MlflowException, SQLAlchemyError) as error:
        raise TrackingError(
            f"MLflow at {settings.tracking_uri} did not do what was asked: {error}. "
            "Is MLFLOW_TRACKING_URI right, and is the server running?"
        ) from error
    finally:
        # MLflow writes the address to the environment, where the next settings would read it
        os.environ.pop(_ADDRESS, None)
        if address_before is not None:
            os.environ[_ADDRESS] = address_before


@dataclass(frozen=True)
class TrainingRecord:
    """Data that is logged to MLflow about one training.

    Attributes:
        bundle: Saved bundle.
        recipe: Recipe with which the bundle was fitted.
        example: A few rows of the training panel, logged as an example of the model's input.
        training_rows: Number of rows on which the model was fitted.
        folds: Out-of-fold forecasts that the members made.
        scores: Error metrics from the backtest.
        fit_seconds: Wall time of the fit in seconds, by member; reused members are not included.
        tags: Versions of data and code, and the forecast origin, by tag name.
    """

    bundle: Bundle
    recipe: Recipe
    example: pl.DataFrame
    training_rows: int
    folds: pl.DataFrame
    scores: pl.DataFrame
    fit_seconds: Mapping[str, float]
    tags: Mapping[str, str]


def log_training(settings: Settings, training: TrainingRecord) -> LoggedModel:
    """Log one training, register its model, and give it the alias ``challenger``.

    The blend is logged as an MLflow run. Each member and each reference forecast is logged as a run
    that is nested in it.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    bundle, scores = training.bundle, training.scores
    with client(settings) as found:
        import mlflow  # noqa: PLC0415 - see client

        experiment = found.get_experiment_by_name(EXPERIMENT)
        tags = {
            **training.tags,
            "model_version": bundle.model_version,
            "profile": training.recipe.profile,
            "recipe_hash": training.recipe.hash,
        }
        with (
            mlflow.start_run(
                experiment_id=experiment.experiment_id, run_name=bundle.model_version
            ) as run,
            tempfile.TemporaryDirectory() as scratch,
        ):
            mlflow.set_tags({**tags, "model_type": BLEND, "phase": BLEND})
            mlflow.log_params(_flat_parameters(training.recipe, bundle))
            mlflow.log_metrics(
                {
                    **_accuracy(scores, BLEND),
                    **{f"weight_{name}": value for name, value in bundle.model.weights.items()},
                    "training_seconds": sum(training.fit_seconds.values()),
                    "training_rows": float(training.training_rows),
                }
            )
            _write_reports(Path(scratch), training)
            mlflow.log_artifacts(scratch, "reports")
            bundle_folder = settings.models_path / bundle.model_version
            mlflow.log_artifacts(str(bundle_folder), "bundle")
            logged = log_bundle(bundle, bundle_folder, training.example)
            for model in scores["model"].unique(maintain_order=True).to_list():
                if model != BLEND:
                    _log_part(training, tags, model)
        version = str(logged.registered_model_version)
        for name, value in tags.items():
            found.set_model_version_tag(REGISTERED_MODEL, version, name, value)
        found.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, version)
    return LoggedModel(run.info.run_id, version)


def _log_part(training: TrainingRecord, tags: Mapping[str, str], model: str) -> None:
    import mlflow  # noqa: PLC0415 - see client

    is_member = model in training.bundle.model.members
    experiment_id = mlflow.active_run().info.experiment_id
    with mlflow.start_run(experiment_id=experiment_id, run_name=model, nested=True):
        mlflow.set_tags(
            {**tags, "model_type": model, "phase": "tuned" if is_member else "baseline"}
        )
        mlflow.log_metrics(_accuracy(training.scores, model))
        if not is_member:
            return
        mlflow.log_params(training.recipe.member_parameters(model))
        if model in training.fit_seconds:
            mlflow.log_metric("training_seconds", training.fit_seconds[model])


def _accuracy(scores: pl.DataFrame, model: str) -> dict[str, float]:
    by_origin = rmspe_by_origin(scores, model)
    figures = pl.Series(list(by_origin.values())).to_numpy()
    overall = scores.filter(
        (pl.col("model") == model)
        & (pl.col("segment_kind") == "overall")
        & pl.col("forecast_origin").is_null()
    ).row(0, named=True)
    named = {
        name: float(overall[name])
        for name in ("mape", "bias", "skill", "coverage_80", "coverage_95")
        if overall[name] is not None
    }
    return {
        **{f"rmspe_{origin}": value for origin, value in by_origin.items()},
        "rmspe_median": float(np.median(figures)),
        "rmspe_mean": float(figures.mean()),
        "rmspe_spread": float(figures.std()),
        **named,
    }


@dataclass(frozen=True)
class TrialRecord:
    """Data that is logged to MLflow about one tuning trial.

    Attributes:
        name: Name of the MLflow run.
        tags: Versions of data and code, name of the study, origins, and whether the trial was
            pruned (stopped early), by tag name.
        parameters: All parameters of the member, with the names that LightGBM, XGBoost or CatBoost
            gives them.
        rmspe_by_origin: RMSPE at each evaluated origin, by ISO date.
        seconds: Wall time of the trial in seconds.
    """

    name: str
    tags: Mapping[str, str]
    parameters: Mapping[str, int | float | str]
    rmspe_by_origin: Mapping[str, float]
    seconds: float


def log_trial(settings: Settings, trial: TrialRecord) -> None:
    """Log one tuning trial as an MLflow run.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        import mlflow  # noqa: PLC0415 - see client

        experiment = found.get_experiment_by_name(EXPERIMENT)
        with mlflow.start_run(experiment_id=experiment.experiment_id, run_name=trial.name):
            mlflow.set_tags({**trial.tags, "phase": "tuning"})
            mlflow.log_params(dict(trial.parameters))
            figures = trial.rmspe_by_origin
            mlflow.log_metrics(
                {
                    **{f"rmspe_{origin}": value for origin, value in figures.items()},
                    "rmspe_mean": sum(figures.values()) / len(figures),
                    "training_seconds": trial.seconds,
                }
            )


def log_card(settings: Settings, run_id: str, card: str) -> None:
    """Write a model card into the folder ``reports`` of an MLflow run.

    Args:
        settings: Settings with the tracking address.
        run_id: Identifier of the MLflow run.
        card: Text of the model card, in Markdown.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        found.log_text(run_id, card, "reports/model_card.md")


def set_champion(settings: Settings, registry_version: str) -> None:
    """Set the alias ``champion`` in MLflow to a version of the registered model.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        found.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, registry_version)


def alias_version(settings: Settings) -> str | None:
    """Read which version in MLflow's registry has the alias ``champion``; None if there is none.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        models = found.search_registered_models(f"name = '{REGISTERED_MODEL}'")
        aliases = dict(models[0].aliases) if models else {}
        return None if CHAMPION not in aliases else str(aliases[CHAMPION])


def _flat_parameters(recipe: Recipe, bundle: Bundle) -> dict[str, object]:
    params = recipe.params
    profile = recipe.profile_params.model_dump(exclude={"models"})
    members = {
        f"{family}.{name}": value
        for family in recipe.families
        for name, value in recipe.member_parameters(family).items()
    }
    return {
        "members": ", ".join(recipe.families),
        "horizon_days": params.forecast.horizon_days,
        "threads": recipe.threads,
        "log_shift": bundle.calibration.log_shift,
        "blend.shrinkage": params.blend.shrinkage,
        **{f"profile.{name}": str(value) for name, value in profile.items()},
        **{f"features.{name}": str(value) for name, value in params.features.model_dump().items()},
        **members,
    }


def _write_reports(folder: Path, training: TrainingRecord) -> None:
    training.scores.write_csv(folder / "backtest_scores.csv")
    training.folds.write_parquet(folder / "out_of_fold.parquet")
    blend = training.bundle.model
    importance = blend.importance()
    importance.write_csv(folder / "feature_importance.csv")
    for family, model in blend.members.items():
        model.importance().write_csv(folder / f"feature_importance_{family}.csv")
    plot_scores(training.scores, folder / "rmspe_by_origin.png")
    plot_importance(importance, folder / "feature_importance.png")
