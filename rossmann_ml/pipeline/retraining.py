"""A whole training in one call: panel, backtest, challenger and gate.

The steps are :mod:`rossmann_ml.features.panels`', :mod:`rossmann_ml.training.fit`'s and
:mod:`rossmann_ml.training.gate`'s; the weekly job runs the same ones as Dagster's assets.
"""

from __future__ import annotations

from dataclasses import dataclass

from rossmann_ml.base.params import Params, Profile
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.inputs import newest_origin
from rossmann_ml.features.panels import build_training_panel
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.fit import run_backtest, train_challenger
from rossmann_ml.training.gate import Decision, promote, reconcile_alias
from rossmann_ml.training.model_records import TrainingReport, stored_report
from rossmann_ml.warehouse.connection import connect, one_row, writer_lock
from rossmann_ml.warehouse.versions import versions_now


@dataclass(frozen=True)
class Retraining:
    """A trained model, and what the gate said.

    Attributes:
        model: The model.
        decision: The gate's; None where it was not asked.
    """

    model: TrainingReport
    decision: Decision | None


def retrain(
    settings: Settings,
    params: Params,
    *,
    profile: Profile,
    actor: str | None,
    progress: Progress = silent,
) -> Retraining:
    """Train a challenger for the newest origin and let the gate judge it.

    One that is there already for the same recipe, data and code is not trained again. After an
    interruption only what was not finished is fitted; the panel is made anew. The writer's place
    is held throughout, so that all steps see the same data.

    Args:
        settings: Where the warehouse and MLflow are.
        params: All parameters.
        profile: How much a fit does.
        actor: Who asks the gate, for the record; None leaves the gate out.
        progress: Told the steps.

    Raises:
        NoDataError: There is no warehouse, or too little history.
        WarehouseLockedError: Another writer is at work.
        TrackingError: MLflow does not answer or refuses.
    """
    recipe = Recipe(profile, params, settings.threads)
    with writer_lock(settings):
        with connect(settings, read_only=True):
            pass  # a folder without a warehouse gets none from here
        model = _trained_before(settings, recipe)
        if model is None:
            progress("training panel")
            build_training_panel(settings, params, profile=profile, progress=progress)
            run_backtest(settings, params, profile=profile, progress=progress)
            model = train_challenger(settings, params, profile=profile, progress=progress)
        if actor is None:
            return Retraining(model, None)
        progress(f"gate: {model.model_version} against the champion")
        # a decision whose alias MLflow did not take stands, and is told to it again
        reconcile_alias(settings)
        decision = promote(
            settings, params, model_version=model.model_version, actor=actor, progress=progress
        )
    return Retraining(model, decision)


def _trained_before(settings: Settings, recipe: Recipe) -> TrainingReport | None:
    with connect(settings) as connection:
        versions = versions_now(connection, settings)
        row = one_row(
            connection,
            """
            SELECT model_version, training_seconds
            FROM forecasting.model_versions
            WHERE recipe_hash = ? AND data_version = ? AND code_version = ?
                AND trained_through = ? AND registry_version <> ''
            ORDER BY created_at DESC
            LIMIT 1
            """,
            [recipe.hash, versions.data, versions.code, newest_origin(connection)],
        )
        if row is None or not (settings.models_path / row[0]).exists():
            return None
        bundle = Bundle.load(settings.models_path, row[0], threads=settings.threads)
        return stored_report(connection, bundle, row[1])
