"""Backfilling: the forecast that a past origin would have had, by a model of its time.

Only what was known by the Monday after that origin is used; model, bias factor and intervals are
fitted on rows whose target day is on or before it. The newest origin is
:mod:`rossmann_ml.forecasting.score`'s matter.
"""

from __future__ import annotations

import time
from datetime import date, timedelta

import duckdb

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params, Profile
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.backtest import score
from rossmann_ml.evaluation.folds import complete_folds
from rossmann_ml.features.inputs import newest_origin, read_inputs
from rossmann_ml.features.panels import panel_of
from rossmann_ml.forecasting.score import BACKFILL, ForecastReport, panel_to_score, store_forecasts
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.fit import make_bundle
from rossmann_ml.training.model_records import record_model, training_report
from rossmann_ml.warehouse.clock import monday_after
from rossmann_ml.warehouse.connection import connect, one_row, transaction, writer_lock
from rossmann_ml.warehouse.dbt import dbt_variables, run_dbt
from rossmann_ml.warehouse.dbt_process import dbt_at_hand
from rossmann_ml.warehouse.versions import versions_now


def possible_origins(connection: duckdb.DuckDBPyConnection, params: Params) -> list[date]:
    """Past origins that can be backfilled, a week apart, newest first.

    They fall on the weekday of the newest origin and have enough history before them to train
    on one origin and to test on a later one.
    """
    newest = newest_origin(connection)
    row = one_row(connection, "SELECT min(date) FROM raw.sales")
    first = row[0] if row is not None and row[0] is not None else newest
    needed = params.training.min_history_days + 3 * params.forecast.horizon_days
    weeks = max((newest - first).days - needed, 0) // 7
    return [newest - timedelta(days=7 * number) for number in range(1, weeks + 1)]


def backfill_origin(
    settings: Settings,
    params: Params,
    *,
    forecast_origin: date,
    run_id: str,
    profile: Profile = "fast",
    progress: Progress = silent,
) -> ForecastReport:
    """Forecast from a past origin with what was known then, and store the vintage.

    Args:
        settings: Where the warehouse is.
        params: Horizon, features, models.
        forecast_origin: A day before the newest origin.
        run_id: The run that stores the rows.
        profile: How the model of that time is fitted.
        progress: Told the steps.

    Raises:
        NoDataError: The day is not before the newest origin, or has too little history.
    """
    known_by = monday_after(forecast_origin)
    with writer_lock(settings):
        with connect(settings) as connection:
            newest, possible = newest_origin(connection), possible_origins(connection, params)
        if not possible or not possible[-1] <= forecast_origin < newest:
            covered = f"from {possible[-1]} to {newest - timedelta(days=1)}" if possible else "none"
            raise NoDataError(
                f"{forecast_origin} cannot be backfilled; past origins that can be: {covered}"
            )
        progress(f"plan as known by {known_by}")
        _plan_of_origin(settings, params, forecast_origin, known_by)
        with connect(settings) as connection:
            return _train_and_score(
                connection, settings, params, forecast_origin, known_by, run_id, profile, progress
            )


def _plan_of_origin(
    settings: Settings, params: Params, forecast_origin: date, known_by: date
) -> None:
    command = ["run", "--selector", "plan_of_an_origin"]
    past = dbt_variables(params, forecast_origin=forecast_origin, known_by=known_by)
    with dbt_at_hand():
        try:
            run_dbt(settings, params, command, variables=past)
        finally:  # the vintage's plan stays; what stands for the newest origin is put back
            run_dbt(settings, params, command)


def _train_and_score(  # noqa: PLR0917 - the arguments of the one caller above
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    params: Params,
    forecast_origin: date,
    known_by: date,
    run_id: str,
    profile: Profile,
    progress: Progress,
) -> ForecastReport:
    recipe = Recipe(profile, params, settings.threads)
    inputs = read_inputs(connection, params, forecast_origin=forecast_origin, known_by=known_by)
    panel, _ = panel_of(inputs, params, profile, progress=progress)
    folds = complete_folds(connection, inputs, recipe, lambda: panel, progress=progress)
    progress(f"model as of {forecast_origin}")
    started = time.perf_counter()
    members = recipe.fit_all(panel, known_until=forecast_origin)
    stores = inputs.features.stores.attributes
    bundle = make_bundle(recipe, members, folds, forecast_origin, stores)
    bundle = bundle.save(settings.models_path)
    versions = versions_now(connection, settings)
    known = one_row(
        connection,
        "SELECT 1 FROM forecasting.model_versions WHERE model_version = ?",
        [bundle.model_version],
    )
    if known is None:
        scores = score(folds.rows, recipe.key, stores)
        report = training_report(
            bundle, scores, training_rows=len(panel), seconds=time.perf_counter() - started
        )
        with transaction(connection):
            record_model(
                connection,
                recipe=recipe,
                report=report,
                trained_through=forecast_origin,
                versions=versions,
                scores=scores,
            )
    return store_forecasts(
        connection,
        panel=panel_to_score(inputs, params),
        bundle=bundle,
        run_id=run_id,
        run_kind=BACKFILL,
        known_by=known_by,
        versions=versions,
    )
