"""Train a challenger and let the gate decide on it, by the same steps as the weekly job.

Entry point: :func:`retrain`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from rossmann_ml.base.errors import DamagedError, NoDataError
from rossmann_ml.base.params.training import Profile
from rossmann_ml.features.inputs import newest_origin
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.pipeline.steps import BACKTEST, GATE, TRAIN, TRAINING_PANEL, Run
from rossmann_ml.training.bundle_copies import load_bundle
from rossmann_ml.training.gate import Decision
from rossmann_ml.training.model_records import TrainingReport, stored_report
from rossmann_ml.warehouse.connection import require_database
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import models


@dataclass(frozen=True)
class Retraining:
    """Results of a training and of the gate.

    Attributes:
        model: Report of the trained model.
        decision: Decision of the gate; None if the gate was not run.
    """

    model: TrainingReport
    decision: Decision | None


def retrain(session: Session, *, profile: Profile, actor: str | None) -> Retraining:
    """Train a challenger for the newest origin, and let the gate decide on its promotion.

    A stored model of the same origin, recipe, data and code is used instead of a new training.
    After an interrupted training only the missing members are fitted, and the panel is built
    again. The writer's lock is held for all steps, because they must read the same data.

    Args:
        session: Session of the job; its `progress` receives the steps.
        profile: Training profile.
        actor: Person or program to record with the gate's decision; None skips the gate.

    Raises:
        NoDataError: There is no warehouse, or too little history.
        BusyError: Another process writes to the warehouse.
        TrackingError: MLflow does not answer or rejects the request.
    """
    run = Run(run_id="", actor=actor or "", profile=profile)
    require_database(session.settings)  # writing() would create a missing warehouse
    with session.writing() as connection:
        model = _trained_before(session, connection, profile)
        if model is None:
            session.progress("training panel")
            TRAINING_PANEL(session, run)
            BACKTEST(session, run)
            model = TRAIN(session, run)
        if actor is None:
            return Retraining(model, None)
        session.progress(f"gate: {model.model_version} against the champion")
        decision = GATE(session, replace(run, model_version=model.model_version))
    return Retraining(model, decision)


def _trained_before(
    session: Session, connection: duckdb.DuckDBPyConnection, profile: Profile
) -> TrainingReport | None:
    settings = session.settings
    recipe = Recipe(profile, session.params, settings.threads)
    versions = session.versions(connection)
    row = models.registered_like(
        connection,
        recipe_hash=recipe.hash,
        profile=profile,
        data_version=versions.data,
        code_version=versions.code,
        trained_through=newest_origin(connection),
    )
    if row is None:
        return None
    try:
        bundle = load_bundle(session, connection, row[0])
    except (NoDataError, DamagedError):  # trained again
        return None
    return stored_report(connection, bundle, row[1])
