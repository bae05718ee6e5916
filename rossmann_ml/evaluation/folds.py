"""Compute, store and read out-of-fold forecasts: forecasts of past days by a recipe's members.

They are used to fit weights, bias factor and intervals, to measure errors, and to decide whether a
challenger becomes champion. Each forecast is stored with two fingerprints: one of the features,
model family and parameters with which it was made, and one of the data that it depends on. A
retraining therefore computes only the forecasts that are missing. After an interruption, it resumes
at the first fit whose forecasts are not stored. See :mod:`rossmann_ml.evaluation.backtest` for
blending and evaluating the forecasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.evaluation import fold_tables
from rossmann_ml.evaluation.backtest import backtest_origins, fold_days, fold_panel
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.recipe import Recipe, RecipeKey


@dataclass(frozen=True)
class Folds:
    """Out-of-fold forecasts by the members of one recipe.

    Attributes:
        rows: One row per store-day: the columns of
            :func:`rossmann_ml.evaluation.backtest.fold_days`, and one column of log forecasts per
            member. Sorted by origin, store and day.
        fitted: Origins for which models were fitted, oldest first. Forecasts from the other origins
            were made by the models of an earlier one, as in the weeks between two trainings.
        computed: Origins whose forecasts :func:`complete_folds` has computed, because none were
            stored; empty if the forecasts were only read.
    """

    rows: pl.DataFrame
    fitted: list[date]
    computed: list[date]

    @property
    def origins(self) -> list[date]:
        """Forecast origins that occur in the rows, oldest first."""
        return self.rows["forecast_origin"].unique().sort().to_list()


def complete_folds(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    recipe: Recipe,
    panel: Callable[[], pl.DataFrame],
    *,
    progress: Progress = silent,
) -> Folds:
    """Compute and store a recipe's missing out-of-fold forecasts, then read all of them.

    Models are fitted for each backtest origin without stored forecasts. To save fits, such an
    origin is skipped if models were fitted for an origin at most ``backtest.reuse_within_days``
    days before or after it. The newest backtest origin always gets a fit of its own.

    The models also forecast from the origins 7, 14, … days later whose horizon is over, in all from
    ``backtest.origins_per_fit`` origins: many origins are needed to know how far totals are off,
    and a forecast costs a tenth of a fit. Forecasts of later fits stay.

    Args:
        connection: Pipeline database.
        inputs: Stores, sales and plan for the next forecast.
        recipe: Recipe whose members make the forecasts.
        panel: Function that returns the recipe's training panel for the next forecast. It is called
            once for each origin whose forecasts are computed; the models for that origin are fitted
            only on the panel's target days up to the origin.
        progress: Function that receives a message before each origin and fit.

    Returns:
        All stored forecasts that were made from the current data, in this call or earlier, for
        whatever profile. Their origins are at most ``backtest.reuse_within_days`` days older than
        the oldest backtest origin.

    Raises:
        NoDataError: There is too little history for a single backtest origin.
    """
    params = recipe.params
    wanted = backtest_origins(
        inputs.forecast_origin,
        back_days=params.backtest_back_days(recipe.profile),
        first_training=_first_training_origin(inputs, recipe),
    )
    stored = fold_tables.stored_origins(connection, inputs, params, recipe.key)
    fitted = [origin for origin, found in stored.items() if found.is_fitted]
    near = timedelta(days=params.backtest.reuse_within_days)
    missing = [
        origin
        for origin in wanted
        if origin not in fitted
        and (origin == wanted[-1] or not any(abs(each - origin) <= near for each in fitted))
    ]
    for number, origin in enumerate(missing, start=1):
        progress(f"backtest at origin {origin}, {number} of {len(missing)}")
        _compute(connection, inputs, recipe, origin, panel(), progress=progress)
    oldest = wanted[0] - near
    rows, fitted = fold_tables.read(connection, inputs, params, recipe.key, oldest=oldest)
    return Folds(rows, fitted, missing)


def read_folds(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    params: Params,
    key: RecipeKey,
) -> Folds:
    """Read those stored out-of-fold forecasts of a recipe that were made from the current data.

    Args:
        connection: Pipeline database.
        inputs: Current stores, sales and plan. A forecast is ignored if the data that it depends on
            differ from these.
        params: Parameters of ``params.yaml``; they set how old the oldest origin may be.
        key: Key of the recipe, by which its stored forecasts are found.

    Raises:
        NoDataError: No stored forecasts of the recipe were made from the current data.
    """
    back_days = [
        days for profile in params.training.profiles for days in params.backtest_back_days(profile)
    ]
    oldest = inputs.forecast_origin - timedelta(
        days=max(back_days) + params.backtest.reuse_within_days
    )
    rows, fitted = fold_tables.read(connection, inputs, params, key, oldest=oldest)
    if rows.is_empty():
        raise NoDataError("there is no backtest of this recipe on this data: run it first")
    return Folds(rows, fitted, [])


def _first_training_origin(inputs: OriginInputs, recipe: Recipe) -> date:
    """Compute the oldest origin in a recipe's training panel, without building the panel.

    Training origins go back from the origin of the next forecast in steps of ``origin_step_days``:
    at most ``max_origins`` steps, and only to days at least ``min_history_days`` after the first
    day with sales. If there is too little history for one step, the origin of the next forecast is
    returned. The result limits how old the backtest origins can be.
    """
    earliest = inputs.first_sales_date + timedelta(days=recipe.params.training.min_history_days)
    step = recipe.profile_params.origin_step_days
    steps = min((inputs.forecast_origin - earliest).days // step, recipe.profile_params.max_origins)
    return inputs.forecast_origin - timedelta(days=max(steps, 0) * step)


def _compute(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    recipe: Recipe,
    origin: date,
    panel: pl.DataFrame,
    *,
    progress: Progress,
) -> None:
    features, params = inputs.features, recipe.params
    over = inputs.forecast_origin - timedelta(days=params.forecast.horizon_days)
    weeks = range(params.backtest.origins_per_fit)
    origins = [origin + timedelta(weeks=week) for week in weeks]
    panels, versions = {}, {}
    for each in origins:
        if each > over:
            break
        version = fold_tables.data_version_of_origin(features, each, params.forecast)
        if all(
            fold_tables.has_later_fit(connection, member, version, each, trained_through=origin)
            for member in recipe.key.members.values()
        ):
            continue  # of the other profile, or of an earlier training
        panels[each], versions[each] = fold_panel(features, each, recipe), version
        keys = {"features_hash": recipe.features_hash, "data_version": version}
        fold_tables.store_days(connection, keys, fold_days(features, panels[each], recipe))
    chain = cache(lambda: recipe.fit_chain(panel, known_until=origin))
    for family in recipe.families:
        member_hash = recipe.member_hash(family)
        if fold_tables.has_fit(connection, member_hash, versions[origin], origin):
            continue
        progress(f"fit of {family} as of {origin}")
        model = recipe.fit(family, panel, known_until=origin)
        blend = Blend({family: model}, {family: 1.0}, chain())
        forecasts = [
            to_score.select(
                pl.lit(versions[each]).alias("data_version"),
                pl.lit(family).alias("model"),
                "forecast_origin",
                pl.lit(origin).alias("trained_through"),
                "store_id",
                "target_date",
                pl.Series("log_forecast", blend.forecast_logs(to_score)[0]),
            )
            for each, to_score in panels.items()
        ]
        fold_tables.store_forecasts(connection, member_hash, pl.concat(forecasts))
