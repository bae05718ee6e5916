"""Log trainings and model cards to MLflow, and set aliases of registered models.

MLflow is called only here, in :mod:`rossmann_ml.training.study_runs` (tuning), and in
:mod:`rossmann_ml.training.registered` and :mod:`~rossmann_ml.training.registered_model`. The table
``forecasting.promotions`` defines which model is the champion; MLflow's alias ``champion`` is only
a copy.
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
import polars.selectors as cs

from rossmann_ml.base.errors import TrackingError
from rossmann_ml.base.plots import plot_importance, plot_scores
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_in
from rossmann_ml.evaluation.error_parts import ORDINARY
from rossmann_ml.models.blend import BLEND, Blend
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.model_records import rmspe_by_origin, rmspe_summary
from rossmann_ml.training.registered import HOW_TO_LOAD, REGISTERED_MODEL, log_bundle
from rossmann_ml.training.registry_files import adopt_artifacts, artifacts_path, registry_path

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.data.polars_dataset import PolarsDataset

EXPERIMENT = "rossmann-forecast"
CHAMPION, CHALLENGER = "champion", "challenger"
_ADDRESS = "MLFLOW_TRACKING_URI"
# MLflow shows runs and models, and not the pages for applications of language models, by this tag
# or, since its UI has a switch for them, by a part of the address.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
_LAYOUT = "workflowType=machine_learning"
UI = "http://127.0.0.1:5000"
"""Address of MLflow's UI as ``rossmann up`` and ``make mlflow`` start it."""
# metrics over all origins together that a run gets besides its RMSPE, where they exist
_LOGGED = (
    "mape", "wape", "bias", "skill", "coverage_80", "coverage_95", "pinball", "interval_score_80",
    "interval_score_95", "rmspe_median_lower", "rmspe_median_upper", "coverage_80_lower",
    "coverage_80_upper", "coverage_95_lower", "coverage_95_upper", "origins", "interval_origins",
)  # fmt: skip
_DIGEST_LENGTH = 36  # longest that MLflow accepts


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
        experiment = found.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            # a server has its own place for artifacts, a local database has none
            own = settings.tracking_uri.startswith("sqlite")
            location = str(artifacts_path(settings).absolute()) if own else None
            found.create_experiment(EXPERIMENT, artifact_location=location, tags=_KIND)
        elif not _KIND.keys() <= experiment.tags.keys():
            for name, value in _KIND.items():
                found.set_experiment_tag(experiment.experiment_id, name, value)
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
    panel: pl.DataFrame,
    folds: pl.DataFrame,
    scores: pl.DataFrame,
    error_parts: pl.DataFrame,
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
        panel: Training panel on which the members were fitted. MLflow gets its columns and number
            of rows, and its first rows as input example.
        folds: Out-of-fold forecasts of the members, logged as a Parquet file.
        scores: Error metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
        error_parts: Result of :func:`rossmann_ml.evaluation.error_parts.error_parts`.
        fit_seconds: Wall time in seconds of the fit on all training rows, by member; without
            members that an interrupted training had fitted.
        tags: Versions of data and code, and the forecast origin, by name of the tag;
            ``data_version`` is required.

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
            mlflow.log_input(dataset(panel, "training_panel", tags["data_version"]), "training")
            mlflow.log_metrics(
                {
                    **_accuracy(scores, BLEND),
                    **_error_metrics(error_parts, BLEND),
                    **{f"weight_{name}": value for name, value in bundle.model.weights.items()},
                    "training_seconds": sum(fit_seconds.values()),
                    "training_rows": float(len(panel)),
                }
            )
            error_parts.write_csv(Path(scratch) / "error_parts.csv")
            _write_reports(Path(scratch), bundle.model, folds, scores)
            mlflow.log_artifacts(scratch, "reports")
            bundle_folder = settings.models_path / bundle.model_version
            mlflow.log_artifacts(str(bundle_folder), "bundle")
            logged = log_bundle(bundle, bundle_folder, panel.head(3))
            for model in scores["model"].unique(maintain_order=True).to_list():
                if model == BLEND:
                    continue
                is_member = model in bundle.model.members
                phase = "member" if is_member else "baseline"
                with mlflow.start_run(experiment_id=experiment_id, run_name=model, nested=True):
                    mlflow.set_tags({**tags, "model_type": model, "phase": phase})
                    mlflow.log_metrics(
                        {**_accuracy(scores, model), **_error_metrics(error_parts, model)}
                    )
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
        **{name: float(overall[name]) for name in _LOGGED if overall[name] is not None},
    }


def _error_metrics(error_parts: pl.DataFrame, model: str) -> dict[str, float]:
    """Return the parts of a model's error in ordinary weeks; none for a baseline."""
    rows = error_parts.filter(
        pl.col("model") == model,
        pl.col("season") == ORDINARY,
        pl.col("forecast_origin").is_null(),
        pl.col("log_error").is_not_null(),
    )
    return {f"error_{part}": value for part, value in rows.select("part", "log_error").iter_rows()}


def dataset(rows: pl.DataFrame, name: str, version: str) -> PolarsDataset:
    """Describe rows as an input of an MLflow run: name, version, columns and number of rows.

    The rows themselves are not logged.

    Args:
        rows: Rows that the run used.
        name: Name to show in MLflow.
        version: Fingerprint of the data; MLflow shows its first 36 characters as digest.
    """
    import mlflow.data  # noqa: PLC0415 - see client

    # types that MLflow has no equal of would each be a warning on the terminal
    plain = rows.with_columns(
        cs.date().cast(pl.Datetime), cs.by_dtype(pl.Categorical, pl.Enum).cast(pl.String)
    )
    return mlflow.data.from_polars(plain, name=name, digest=version[:_DIGEST_LENGTH])


def page_of(settings: Settings, run_id: str) -> str:
    """Return the address of a run's page in MLflow's UI.

    Args:
        settings: Settings with the tracking address and the address of the UI; :data:`UI` is used
            if the latter is not known.
        run_id: Identifier of the MLflow run.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        experiment_id = found.get_run(run_id).info.experiment_id
    address = settings.mlflow_ui or UI
    return f"{address}/#/experiments/{experiment_id}/runs/{run_id}?{_LAYOUT}"


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


def log_card(settings: Settings, run_id: str, registry_version: str, card: str) -> None:
    """Write a model card to an MLflow run, and describe the registered model with its text.

    The run gets the whole card, in the folder ``reports``. The registered version gets the card's
    first two sections, and the registered model, whose versions share a purpose, the second one.

    Args:
        settings: Settings with the tracking address.
        run_id: Identifier of the MLflow run.
        registry_version: Version number of the model in MLflow's registry.
        card: Text of the model card, in Markdown.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    with client(settings) as found:
        found.log_text(run_id, card, "reports/model_card.md")
        _, what_it_is, purpose, *_ = (part.strip() for part in card.split("\n## "))
        found.update_registered_model(REGISTERED_MODEL, f"## {purpose}\n\n{HOW_TO_LOAD}")
        found.update_model_version(
            REGISTERED_MODEL, registry_version, f"## {what_it_is}\n\n## {purpose}"
        )


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
    chain_level = params.training.chain_level.model_dump()
    chain_level |= chain_level.pop("parameters")
    return {
        "members": ", ".join(recipe.families),
        "horizon_days": params.forecast.horizon_days,
        "threads": recipe.threads,
        "log_shift": bundle.calibration.log_shift,
        "blend.shrinkage": params.blend.shrinkage,
        **{f"profile.{name}": str(value) for name, value in profile.items()},
        **{f"chain_level.{name}": str(value) for name, value in chain_level.items()},
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
