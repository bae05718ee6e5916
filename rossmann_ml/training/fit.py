"""Backtest a recipe, train a challenger, and record the results in the warehouse and MLflow.

Entry points: :func:`run_backtest` and :func:`train_challenger`. Both reuse results that were stored
for the same recipe and data. See :mod:`rossmann_ml.models.recipe` for fitting a member and
:mod:`rossmann_ml.training.gate` for promoting a model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import duckdb
import polars as pl

from rossmann_ml.base.files import write_text_atomically
from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.backtest import blend_logs, score
from rossmann_ml.evaluation.error_parts import error_parts
from rossmann_ml.evaluation.folds import Folds, complete_folds, read_folds
from rossmann_ml.features.inputs import read_newest_inputs
from rossmann_ml.features.panels import read_training_panel
from rossmann_ml.models.blend import BLEND, Blend, equal_weights, fit_weights
from rossmann_ml.models.bundle import Bundle, BundleMetadata
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.training import tracking
from rossmann_ml.training.member_fits import fit_members
from rossmann_ml.training.model_card import card_path, model_card
from rossmann_ml.training.model_records import (
    TrainingReport,
    record_model,
    stored_report,
)
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import models


@dataclass(frozen=True)
class BacktestReport:
    """Result of a backtest.

    Attributes:
        recipe_hash: Fingerprint of the recipe.
        origins: Past origins for which models were fitted, oldest first.
        computed: Those of the origins whose forecasts this call computed; the forecasts of the
            others were already stored.
        scores: Error metrics returned by :func:`rossmann_ml.evaluation.backtest.score`, at
            ``origins``.
        seconds: Wall time of the backtest in seconds.
    """

    recipe_hash: str
    origins: list[date]
    computed: list[date]
    scores: pl.DataFrame
    seconds: float


def run_backtest(session: Session, *, profile: Profile) -> BacktestReport:
    """Backtest the recipe of a training profile on the current data.

    Missing out-of-fold forecasts are computed and stored. Error metrics are then computed from
    forecasts that :func:`rossmann_ml.evaluation.folds.complete_folds` returns.

    Args:
        session: Session of the job; its ``progress`` receives a line before each origin and fit.
        profile: Training profile, ``fast`` or ``full``.

    Raises:
        NoDataError: There is too little history for a single backtest origin. Or forecasts are
            missing, and the training panel is not built for the profile and the newest origin, or
            from other data.
    """
    started = time.perf_counter()
    recipe = Recipe(profile, session.params, session.settings.threads)
    with session.writing() as connection:
        inputs = read_newest_inputs(connection, session.params)
        panel = cache(lambda: read_training_panel(connection, profile))
        folds = complete_folds(connection, inputs, recipe, panel, progress=session.progress)
        stores = inputs.features.stores.attributes
        # a preview; a training measures all origins
        scores = score(folds.rows, recipe.key, stores, folds.fitted)
    return BacktestReport(
        recipe.hash, folds.fitted, folds.computed, scores, time.perf_counter() - started
    )


def train_challenger(session: Session, *, profile: Profile) -> TrainingReport:
    """Fit a profile's recipe on all rows of the stored training panel, and record the model.

    The bundle and the model card are written below ``warehouse/models``. A run and a registered
    version are written to MLflow, error metrics and feature importances to the schema
    ``forecasting``. If a model with the same files is recorded already, it is not recorded again,
    and ``is_new`` of the report is false. Members that an interrupted training has fitted are
    reused.

    Args:
        session: Session of the job; its ``progress`` receives a line before each fit.
        profile: Training profile, ``fast`` or ``full``.

    Raises:
        NoDataError: The recipe has no backtest on the current data, or the training panel is not
            built for the profile and the newest origin, or from other data.
        TrackingError: MLflow does not respond, refuses, or its database cannot be used.
    """
    settings, params, progress = session.settings, session.params, session.progress
    recipe = Recipe(profile, params, settings.threads)
    with tracking.client(settings):  # fails before the fits when MLflow cannot be used
        pass
    with session.writing() as connection:
        versions = session.versions(connection)
        inputs = read_newest_inputs(connection, params)
        origin = inputs.forecast_origin
        folds = read_folds(connection, inputs, params, recipe.key)
        panel = read_training_panel(connection, profile)
        started = time.perf_counter()
        stores = inputs.features.stores.attributes
        fits = fit_members(settings, recipe, panel, inputs, progress=progress)
        with fits as (members, fit_seconds):
            fitting = time.perf_counter()
            chain = recipe.fit_chain(panel, known_until=origin)
            fit_seconds["chain_level"] = time.perf_counter() - fitting
            blend = Blend(members, equal_weights(recipe.families), chain)
            bundle = make_bundle(recipe, blend, folds, origin, stores)
            bundle = bundle.save(settings.models_path)
        seconds = time.perf_counter() - started
        scores = score(folds.rows, recipe.key, stores)
        is_new = not models.is_recorded(connection, bundle.model_version)
        if is_new:
            parts = error_parts(folds.rows, recipe.key)
            progress("recording the model in MLflow")
            run_id, registry_version = tracking.log_training(
                settings,
                bundle,
                recipe,
                panel=panel,
                folds=folds.rows,
                scores=scores,
                error_parts=parts,
                fit_seconds=fit_seconds,
                tags={**versions.as_tags(), "forecast_origin": str(origin)},
            )
            record_model(
                connection,
                bundle,
                recipe=recipe,
                versions=versions,
                scores=scores,
                error_parts=parts,
                training_rows=len(panel),
                seconds=seconds,
                mlflow_run_id=run_id,
                registry_version=registry_version,
            )
        report = stored_report(connection, bundle, seconds, is_new=is_new)
        _keep_card(connection, settings, report)
    return report


def _keep_card(
    connection: duckdb.DuckDBPyConnection, settings: Settings, report: TrainingReport
) -> None:
    """Write a model's card to its MLflow run and next to its bundle.

    Nothing is written if the card is next to the bundle already.
    """
    path = card_path(settings, report.model_version)
    if path.exists():
        return
    card = model_card(connection, report.model_version)
    if report.mlflow_run_id:
        tracking.log_card(settings, report.mlflow_run_id, report.registry_version, card)
    # the file is last, because its existence means that MLflow has the card too
    write_text_atomically(path, card)


def make_bundle(
    recipe: Recipe,
    blend: Blend,
    folds: Folds,
    known_until: date,
    stores: pl.DataFrame,
) -> Bundle:
    """Weight fitted members, and calibrate their blend on out-of-fold forecasts.

    Args:
        recipe: Recipe with which the members were fitted.
        blend: Fitted members, with any weights.
        folds: Out-of-fold forecasts that the recipe's members made from earlier origins.
        known_until: Newest day in the data that the members were fitted on.
        stores: ``store_id, store_type, assortment, state``, which assign stores to the segments of
            totals.
    """
    weights = fit_weights(folds.rows, recipe.families, shrinkage=recipe.params.blend.shrinkage)
    rows = folds.rows.with_columns(log_forecast=pl.Series(blend_logs(folds.rows, weights)))
    metadata = BundleMetadata(
        family=BLEND,
        trained_through=str(known_until),
        features=recipe.features,
        feature_params=recipe.params.features.model_dump(),
        profile=recipe.profile,
        horizon_days=recipe.params.forecast.horizon_days,
    )
    calibration = Calibration.fit(rows)
    forecasts = rows.with_columns(forecast=(pl.col("log_forecast") + calibration.log_shift).exp())
    totals = TotalCalibration.fit(forecasts, stores, horizon_days=metadata.horizon_days)
    return Bundle(replace(blend, weights=weights), calibration, totals, metadata)
