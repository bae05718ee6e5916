"""Choose the origins for tuning, build their rows, and compute the RMSPE of a set of parameters.

If history is long enough, the origins are earlier than those of the backtest, because accuracy
would be reported too high on days that the parameters were chosen for. See
:mod:`rossmann_ml.training.tune` for searching the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.base.errors import NoDataError, SettingsError
from rossmann_ml.base.params import Params
from rossmann_ml.base.params.training import FitSize
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.evaluation.backtest import LEAST_TARGET_DAYS, fold_panel
from rossmann_ml.evaluation.fold_tables import data_version_of_origin
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panels import panel_of
from rossmann_ml.models.base import log_base
from rossmann_ml.models.calibration import point_log_shift
from rossmann_ml.models.departures import centred
from rossmann_ml.models.recipe import Recipe


@dataclass(frozen=True)
class TuningOrigins:
    """Origins for tuning, and the backtest origins of all training profiles.

    Attributes:
        tuned_on: Origins on which sets of parameters are compared, oldest first.
        untouched: Backtest origins whose forecast days are all after the days used for tuning,
            oldest first.
        overlapping: The other backtest origins, oldest first. Accuracy reported for them is too
            high, because parameters were chosen on some of the same days. The list is empty if
            history is long enough to keep tuning and backtest apart.
    """

    tuned_on: list[date]
    untouched: list[date]
    overlapping: list[date]


def tuning_origins(first_sales_date: date, newest: date, params: Params) -> TuningOrigins:
    """Choose the origins on which sets of parameters are compared.

    The horizons of the chosen origins end at least ``backtest.reuse_within_days`` before the oldest
    backtest origin of all training profiles, because a backtest may use a stored fold that is so
    much older. Tuning and reported accuracy then use different days. If there is only one backtest
    origin, or if history is too short, the horizons end on or before the newest backtest origin.

    Args:
        first_sales_date: First day with sales rows.
        newest: Origin of the next forecast.
        params: Parameters; the horizon, the training profiles' backtests and ``tuning`` are used.

    Raises:
        NoDataError: History is too short for even one origin.
    """
    tuning, horizon_days = params.tuning, params.forecast.horizon_days
    profiles = params.training.profiles.values()
    first = first_sales_date + timedelta(
        days=params.training.min_history_days + tuning.min_training_days
    )
    reported = sorted(
        {
            newest - timedelta(days=days)
            for profile in params.training.profiles
            for days in params.backtest_back_days(profile)
        }
    )
    # the backtest skips origins before the start of history
    needed = timedelta(days=params.training.min_history_days + LEAST_TARGET_DAYS)
    possible = [each for each in reported if each >= first_sales_date + needed] or reported[-1:]
    # a stored fold may replace any origin of the backtest but the newest
    near = timedelta(days=params.backtest.reuse_within_days if len(possible) > 1 else 0)
    for begin in (possible[0] - near, possible[-1]):
        # only origins that are whole steps before the newest one have panel rows
        step = timedelta(days=max(profile.origin_step_days for profile in profiles))
        last = newest + (begin - timedelta(days=horizon_days) - newest) // step * step
        candidates = (
            last - timedelta(days=tuning.origin_step_days * number)
            for number in range(tuning.origins)
        )
        tuned_on = sorted(origin for origin in candidates if origin >= first)
        if tuned_on:
            over = tuned_on[-1] + timedelta(days=horizon_days)
            return TuningOrigins(
                tuned_on,
                untouched=[origin for origin in reported if origin >= over],
                overlapping=[origin for origin in possible if origin < over],
            )
    raise NoDataError(
        f"there is too little history before {newest} to tune: sales begin on {first_sales_date}, "
        f"the first origin to tune on would be {first} (training.min_history_days + "
        f"tuning.min_training_days after that), and its {horizon_days} days must be over by "
        f"{possible[-1]}, the newest origin of the backtest"
    )


@dataclass(frozen=True)
class TuningFold:
    """Rows with which a set of parameters is evaluated at one forecast origin.

    Attributes:
        origin: Forecast origin.
        known: Training rows, from earlier origins.
        to_score: Rows to forecast from this origin, with their actual ``sales``.
        data_version: Fingerprint of the data from which ``known`` and ``to_score`` were computed.
    """

    origin: date
    known: pl.DataFrame
    to_score: pl.DataFrame
    data_version: str


def make_folds(
    inputs: OriginInputs, recipe: Recipe, origins: list[date], *, progress: Progress = silent
) -> list[TuningFold]:
    """Build the training rows and the rows to forecast for each origin to tune on.

    Sales after the last target day of the newest of these origins are removed first, so that no
    trial can use them.

    Args:
        inputs: Stores, sales and plan for the next forecast.
        recipe: Recipe, which sets features, horizon and the number of training rows.
        origins: Origins to tune on, oldest first.
        progress: Function that receives a message after each training origin.
    """
    params = recipe.params
    last_day = origins[-1] + timedelta(days=params.forecast.horizon_days)
    features = replace(inputs.features, sales=inputs.features.sales.until(last_day))
    as_of_newest = replace(inputs, forecast_origin=origins[-1], features=features)
    panel, _ = panel_of(as_of_newest, params, recipe.profile, progress=progress)
    return [
        TuningFold(
            origin,
            panel.filter(pl.col("forecast_origin") < origin),
            fold_panel(features, origin, recipe),
            data_version_of_origin(features, origin, params.forecast),
        )
        for origin in origins
    ]


def with_values(recipe: Recipe, family: str, values: dict[str, int | float | str]) -> Recipe:
    """Return a copy of a recipe in which one member has other parameters.

    Args:
        recipe: Recipe to copy.
        family: Model family of the member.
        values: New values by name of the parameter. ``trees`` and ``learning_rate`` replace the
            values that the training profile sets.
    """
    params = recipe.params.model_copy(deep=True)
    models = params.training.profiles[recipe.profile].models
    size = {name: value for name, value in values.items() if name in FitSize.model_fields}
    models[family] = models[family].model_copy(update=size)
    others = {name: value for name, value in values.items() if name not in size}
    params.training.families[family].update(others)
    return replace(recipe, params=params)


def rmspe_of_folds(
    recipe: Recipe, family: str, folds: list[TuningFold]
) -> Iterator[tuple[date, float]]:
    """Fit a member at each origin on earlier rows, forecast, and yield the origin and the RMSPE.

    Before errors are measured, forecasts are multiplied by a bias factor that is estimated on the
    same rows. This RMSPE is therefore too low to be reported as accuracy, but good enough to
    compare parameters.

    Args:
        recipe: Recipe with the parameters to evaluate.
        family: Model family of the member.
        folds: Rows for each origin.

    Raises:
        SettingsError: LightGBM, XGBoost or CatBoost refuses a parameter.
    """
    for fold in folds:
        try:
            model = recipe.fit(family, fold.known, known_until=fold.origin)
        except Exception as error:  # each library raises its own errors for bad values
            parameters = recipe.member_parameters(family)
            raise SettingsError(
                f"{family} could not be fitted with {parameters}: {error}. What is searched is in "
                f"params.yaml: tuning.families.{family}"
            ) from error
        to_score = fold.to_score
        departures = centred(to_score, model.predict_departures(to_score))
        log_ratio = log_base(to_score) + departures - np.log(to_score["sales"].to_numpy())
        shift = point_log_shift(to_score.select("forecast_origin", log_ratio=pl.Series(log_ratio)))
        yield fold.origin, float(np.sqrt(np.mean(np.expm1(log_ratio + shift) ** 2)))
