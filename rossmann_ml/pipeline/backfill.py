"""Backfill a past origin: forecast it with a model that was fitted only on data known then.

Only data known by the Monday after that origin is used. Model, bias factor and intervals are fitted
on rows whose target date is on or before the origin. See :mod:`rossmann_ml.forecasting.score` for
the newest origin.
"""

from __future__ import annotations

import time
from datetime import date, timedelta

import duckdb

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.params.training import Profile
from rossmann_ml.evaluation.backtest import LEAST_TARGET_DAYS, score
from rossmann_ml.evaluation.error_parts import error_parts
from rossmann_ml.evaluation.folds import complete_folds
from rossmann_ml.features.inputs import newest_origin, read_inputs
from rossmann_ml.features.panels import panel_of
from rossmann_ml.forecasting.score import BACKFILL, ForecastReport, panel_to_score, store_forecasts
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.pipeline.steps import Run, Step
from rossmann_ml.training.fit import make_bundle
from rossmann_ml.training.model_records import record_model
from rossmann_ml.warehouse.clock import monday_after
from rossmann_ml.warehouse.dbt import dbt_variables, run_dbt
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import models, raw


def possible_origins(connection: duckdb.DuckDBPyConnection, params: Params) -> list[date]:
    """Return the past origins that can be backfilled: one per week, newest first.

    All are whole weeks before the newest origin. Sales begin at least ``min_history_days`` plus
    three horizons before each, or more if a short horizon needs it for the newest backtest origin,
    which is enough to fit a model and to test it on later days.
    """
    newest = newest_origin(connection)
    span = raw.sales_span(connection)
    first = newest if span is None else span[0]
    to_test = max(
        params.backtest_back_days(profile)[0] + LEAST_TARGET_DAYS + size.origin_step_days
        for profile, size in params.training.profiles.items()
    )
    needed = params.training.min_history_days + max(3 * params.forecast.horizon_days, to_test)
    weeks = max((newest - first).days - needed, 0) // 7
    return [newest - timedelta(days=7 * number) for number in range(1, weeks + 1)]


def backfill_origin(
    session: Session,
    *,
    forecast_origin: date,
    run_id: str,
    profile: Profile = "fast",
) -> ForecastReport:
    """Forecast from a past origin with the data known then, and store these forecasts.

    Args:
        session: Session of the job; its `progress` receives the steps.
        forecast_origin: Any day from the oldest origin in :func:`possible_origins` to the day
            before the newest origin.
        run_id: Run id that is stored with the forecasts.
        profile: Training profile of the model.

    Raises:
        NoDataError: The day is not before the newest origin, or has too little history.
    """
    known_by = monday_after(forecast_origin)
    with session.writing() as connection:
        newest = newest_origin(connection)
        possible = possible_origins(connection, session.params)
        if not possible or not possible[-1] <= forecast_origin < newest:
            covered = f"from {possible[-1]} to {newest - timedelta(days=1)}" if possible else "none"
            raise NoDataError(
                f"{forecast_origin} cannot be backfilled; past origins that can be: {covered}"
            )
        session.progress(f"plan as known by {known_by}")
        _plan_of_origin(session, forecast_origin, known_by)
        return _train_and_score(session, forecast_origin, known_by, run_id, profile)


def _plan_of_origin(session: Session, forecast_origin: date, known_by: date) -> None:
    command = ["run", "--selector", "plan_of_an_origin"]
    past = dbt_variables(session.params, forecast_origin=forecast_origin, known_by=known_by)
    try:
        run_dbt(session, command, variables=past)
    finally:  # the past origin's plan stays; the tables of the newest origin are rebuilt
        run_dbt(session, command)


def _train_and_score(
    session: Session, forecast_origin: date, known_by: date, run_id: str, profile: Profile
) -> ForecastReport:
    settings, params, progress = session.settings, session.params, session.progress
    with session.writing() as connection:
        recipe = Recipe(profile, params, settings.threads)
        inputs = read_inputs(connection, params, forecast_origin=forecast_origin, known_by=known_by)
        panel, _ = panel_of(inputs, params, profile, progress=progress)
        folds = complete_folds(connection, inputs, recipe, lambda: panel, progress=progress)
        progress(f"model as of {forecast_origin}")
        started = time.perf_counter()
        blend = recipe.fit_all(panel, known_until=forecast_origin)
        stores = inputs.features.stores.attributes
        bundle = make_bundle(recipe, blend, folds, forecast_origin, stores)
        bundle = bundle.save(settings.models_path)
        versions = session.versions(connection)
        if not models.is_recorded(connection, bundle.model_version):
            record_model(
                connection,
                bundle,
                recipe=recipe,
                versions=versions,
                scores=score(folds.rows, recipe.key, stores),
                error_parts=error_parts(folds.rows, recipe.key),
                training_rows=len(panel),
                seconds=time.perf_counter() - started,
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


def _backfill(session: Session, run: Run) -> ForecastReport:
    if run.forecast_origin is None:
        raise ValueError("a backfill needs a forecast origin")
    return backfill_origin(
        session, forecast_origin=run.forecast_origin, run_id=run.run_id, profile=run.profile
    )


BACKFILL_ORIGIN: Step[ForecastReport] = Step(
    "forecasting__backfilled_forecasts", "backfill", _backfill
)
"""Only step of a backfill. Its panel stays in memory: tables hold that of the newest origin."""
