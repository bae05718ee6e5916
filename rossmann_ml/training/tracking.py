"""Log trainings, tuning trials and model cards to MLflow, and set aliases of registered models.

MLflow is called only here, in :mod:`rossmann_ml.training.registered` and in
:mod:`rossmann_ml.training.registered_model`. The table ``forecasting.promotions`` defines which
model is the champion; MLflow's alias ``champion`` is only a copy.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from rossmann_ml.base.errors import TrackingError
from rossmann_ml.base.plots import plot_importance, plot_scores
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_in
from rossmann_ml.models.blend import BLEND, Blend
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.model_records import rmspe_by_origin, rmspe_summary
from rossmann_ml.training.registered import REGISTERED_MODEL, log_bundle
from rossmann_ml.training.registry_files import adopt_artifacts, artifacts_path, registry_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "rossmann-forecast"
CHAMPION, CHALLENGER = "champion", "challenger"
_ADDRESS = "MLFLOW_TRACKING_URI"


@contextmanager
def client(settings: Settings) -> Iterator[MlflowClient]:
    """Yield an MLflow client that is connected to the tracking address in the settings.

    The experiment ``rossmann-forecast`` is created if it does not exist. A local database that was
    moved or copied is made to name this place's folder first, so that nothing is written into the
    original's. MLflow's errors in the ``with`` block become ``TrackingError``.

    Raises:
        TrackingError: MLflow does not respond or refuses, or its database is busy, forbidden or
            damaged; the message names its address.
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
        adopt_artifacts(settings, EXPERIMENT)
        mlflow.set_tracking_uri(settings.tracking_uri)
        mlflow.set_registry_uri(settings.tracking_uri)
        found = mlflow.MlflowClient()
        if found.get_experiment_by_name(EXPERIMENT) is None:
            # a server has its own place for artifacts, a local database has none
            own = settings.tracking_uri.startswith("sqlite")
            location = str(artifacts_path(settings).absolute()) if own else None
            found.create_experiment(EXPERIMENT, artifact_location=location)
        yield found
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        fault = fault_in(error, registry_path(settings))
        if fault is not None:
            raise TrackingError(f"MLflow's database: {fault}") from error
        raise TrackingError(
            f"MLflow at {settings.tracking_uri} did not do what was asked: {error}. "
            "Is MLFLOW_TRACKING_URI right, and is the server running?"
        ) from error
    finally:
        # MLflow writes addresses to the environment, where the next settings would read it
        os.environ.pop(_ADDRESS, None)
        os.environ.pop("MLFLOW_REGISTRY_URI", None)
        if address_before is not None:
            os.environ[_ADDRESS] = address_before


def log_training(
    settings: Settings,
    bundle: Bundle,
    recipe: Recipe,
    *,
    example: pl.DataFrame,
    training_rows: int,
    folds: pl.DataFrame,
    scores: pl.DataFrame,
    fit_seconds: Mapping[str, float],
    tags: Mapping[str, str],
) -> tuple[str, str]:
    """Log one training and register its model, with the alias ``challenger``.

    The training becomes an MLflow run with the recipe's parameters, the blend's error metrics and
    weights, and the bundle's files. Each member, the linear forecast and each baseline gets a child
    run with its own error metrics.

    Args:
        settings: Settings with the tracking address and the folder of the bundle's files.
        bundle: Saved bundle.
        recipe: Recipe of the bundle.
        example: Rows of the training panel, from which MLflow's input example is made.
        training_rows: Number of rows on which the members were fitted.
        folds: Out-of-fold forecasts of the members, logged as a Parquet file.
        scores: Error metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
        fit_seconds: Wall time in seconds of the fit on all training rows, by member; without
            members that an interrupted training had fitted.
        tags: Versions of data and code, and the forecast origin, by name of the tag.

    Returns:
        Id of the run, and version number of the model in MLflow's registry.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        import mlflow  # noqa: PLC0415 - see client

        experiment_id = found.get_experiment_by_name(EXPERIMENT).experiment_id
        tags = {
            **tags,
            "model_version": bundle.model_version,
            "profile": recipe.profile,
            "recipe_hash": recipe.hash,
        }
        with (
            mlflow.start_run(experiment_id=experiment_id, run_name=bundle.model_version) as run,
            tempfile.TemporaryDirectory() as scratch,
        ):
            mlflow.set_tags({**tags, "model_type": BLEND, "phase": BLEND})
            mlflow.log_params(_flat_parameters(recipe, bundle))
            mlflow.log_metrics(
                {
                    **_accuracy(scores, BLEND),
                    **{f"weight_{name}": value for name, value in bundle.model.weights.items()},
                    "training_seconds": sum(fit_seconds.values()),
                    "training_rows": float(training_rows),
                }
            )
            _write_reports(Path(scratch), bundle.model, folds, scores)
            mlflow.log_artifacts(scratch, "reports")
            bundle_folder = settings.models_path / bundle.model_version
            mlflow.log_artifacts(str(bundle_folder), "bundle")
            logged = log_bundle(bundle, bundle_folder, example)
            for model in scores["model"].unique(maintain_order=True).to_list():
                if model == BLEND:
                    continue
                is_member = model in bundle.model.members
                phase = "tuned" if is_member else "baseline"
                with mlflow.start_run(experiment_id=experiment_id, run_name=model, nested=True):
                    mlflow.set_tags({**tags, "model_type": model, "phase": phase})
                    mlflow.log_metrics(_accuracy(scores, model))
                    if is_member:
                        mlflow.log_params(recipe.member_parameters(model))
                    if model in fit_seconds:
                        mlflow.log_metric("training_seconds", fit_seconds[model])
        version = str(logged.registered_model_version)
        for name, value in tags.items():
            found.set_model_version_tag(REGISTERED_MODEL, version, name, value)
        found.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, version)
    return run.info.run_id, version


def _accuracy(scores: pl.DataFrame, model: str) -> dict[str, float]:
    overall = scores.row(
        by_predicate=(pl.col("model") == model)
        & (pl.col("segment_kind") == "overall")
        & pl.col("forecast_origin").is_null(),
        named=True,
    )
    by_origin = rmspe_by_origin(scores, model)
    return {
        **{f"rmspe_{origin}": value for origin, value in by_origin.items()},
        **rmspe_summary(scores, model),
        **{
            name: float(overall[name])
            for name in ("mape", "bias", "skill", "coverage_80", "coverage_95")
            if overall[name] is not None
        },
    }


def log_trial(
    settings: Settings,
    name: str,
    *,
    tags: Mapping[str, str],
    parameters: Mapping[str, int | float | str],
    rmspe: Mapping[str, float],
    seconds: float,
) -> None:
    """Log one tuning trial as a run in MLflow.

    Args:
        settings: Settings with the tracking address.
        name: Name of the run.
        tags: Facts about the trial by name of the tag: versions of data and code, study, origins,
            and whether the trial was complete or pruned.
        parameters: Parameters of the member by name, with the names in ``params.yaml``.
        rmspe: RMSPE by evaluated origin, an ISO date.
        seconds: Wall time of the trial in seconds.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        import mlflow  # noqa: PLC0415 - see client

        experiment = found.get_experiment_by_name(EXPERIMENT)
        with mlflow.start_run(experiment_id=experiment.experiment_id, run_name=name):
            mlflow.set_tags({**tags, "phase": "tuning"})
            mlflow.log_params(dict(parameters))
            mlflow.log_metrics(
                {
                    **{f"rmspe_{origin}": value for origin, value in rmspe.items()},
                    "rmspe_mean": sum(rmspe.values()) / len(rmspe),
                    "training_seconds": seconds,
                }
            )


def download_bundle(settings: Settings, run_id: str, folder: Path) -> Path:
    """Download the files of a bundle that :func:`log_training` logged.

    Args:
        settings: Settings with the tracking address.
        run_id: Identifier of the MLflow run.
        folder: Folder to download to.

    Returns:
        Folder with the bundle's files.

    Raises:
        TrackingError: MLflow does not respond, refuses, or has no such files.
    """
    with client(settings) as found:
        return Path(found.download_artifacts(run_id, "bundle", str(folder)))


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
    """Set the alias ``champion`` in MLflow, under which MLflow loads the champion.

    Args:
        settings: Settings with the tracking address.
        registry_version: Version number of the champion in MLflow's registry.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        found.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, registry_version)


def alias_version(settings: Settings) -> str | None:
    """Read which version in MLflow's registry has the alias ``champion``; None if none has it.

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
    return {
        "members": ", ".join(recipe.families),
        "horizon_days": params.forecast.horizon_days,
        "threads": recipe.threads,
        "log_shift": bundle.calibration.log_shift,
        "blend.shrinkage": params.blend.shrinkage,
        **{f"profile.{name}": str(value) for name, value in profile.items()},
        **{f"features.{name}": str(value) for name, value in params.features.model_dump().items()},
        **{
            f"{family}.{name}": value
            for family in recipe.families
            for name, value in recipe.member_parameters(family).items()
        },
    }


def _write_reports(folder: Path, blend: Blend, folds: pl.DataFrame, scores: pl.DataFrame) -> None:
    scores.write_csv(folder / "backtest_scores.csv")
    folds.write_parquet(folder / "out_of_fold.parquet")
    importance = blend.importance()
    importance.write_csv(folder / "feature_importance.csv")
    for family, model in blend.members.items():
        model.importance().write_csv(folder / f"feature_importance_{family}.csv")
    plot_scores(scores, folder / "rmspe_by_origin.png")
    plot_importance(importance, folder / "feature_importance.png")
