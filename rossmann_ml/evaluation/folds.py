"""Compute, store and read out-of-fold forecasts: forecasts of past days by a recipe's members.

They are used to fit weights, bias factor and intervals, to measure errors, and to decide whether a
challenger becomes champion. Each forecast is stored with two fingerprints: one of the features,
model family and parameters with which it was made, and one of the data that it depends on. A
retraining therefore computes only the forecasts that are missing. After an interruption, it resumes
at the first fit whose forecasts are not stored. See :mod:`rossmann_ml.evaluation.backtest` for
blending and evaluating the forecasts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import ForecastParams, Params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.evaluation.backtest import backtest_origins, fold_days, fold_panel
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.models.base import log_base
from rossmann_ml.models.departures import centred
from rossmann_ml.models.recipe import Recipe, RecipeKey
from rossmann_ml.warehouse.connection import append_frame, one_row, read_frame, transaction


@dataclass(frozen=True)
class Folds:
    """Out-of-fold forecasts by the members of one recipe.

    Attributes:
        rows: One row per store-day: the columns of
            :func:`rossmann_ml.evaluation.backtest.fold_days`, and one column of log forecasts per
            member. Sorted by origin, store and day.
        computed: Origins whose forecasts :func:`complete_folds` has computed, because none were
            stored; empty if the forecasts were only read.
    """

    rows: pl.DataFrame
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
    origin is skipped if there are stored forecasts from an origin at most
    ``backtest.reuse_within_days`` days before or after it. The newest backtest origin always gets
    forecasts of its own.

    Args:
        connection: Pipeline database.
        inputs: Stores, sales and plan for the next forecast.
        recipe: Recipe whose members make the forecasts.
        panel: Function that returns the recipe's training panel for the next forecast. It is called
            once for each origin whose forecasts are computed; the models for that origin are fitted
            only on the panel's target days up to the origin.
        progress: Function that receives a message before each origin and fit.

    Returns:
        All stored forecasts that were made from the current data, in this call or earlier. Their
        origins are at most ``backtest.reuse_within_days`` days older than the oldest backtest
        origin.

    Raises:
        NoDataError: There is too little history for a single backtest origin.
    """
    params = recipe.params
    wanted = backtest_origins(
        inputs.forecast_origin,
        back_days=params.backtest_back_days(recipe.profile),
        first_training=_first_training_origin(inputs, recipe),
    )
    stored = _stored_origins(connection, inputs, params, recipe.key)
    near = timedelta(days=params.backtest.reuse_within_days)
    missing = [
        origin
        for origin in wanted
        if origin not in stored
        and (origin == wanted[-1] or not any(abs(each - origin) <= near for each in stored))
    ]
    for number, origin in enumerate(missing, start=1):
        progress(f"backtest at origin {origin}, {number} of {len(missing)}")
        _compute(connection, inputs.features, recipe, origin, panel(), progress=progress)
    oldest = wanted[0] - near
    return Folds(_read(connection, inputs, params, recipe.key, oldest=oldest), missing)


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
    rows = _read(connection, inputs, params, key, oldest=oldest)
    if rows.is_empty():
        raise NoDataError("there is no backtest of this recipe on this data: run it first")
    return Folds(rows, [])


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
    inputs: FeatureInputs,
    recipe: Recipe,
    origin: date,
    panel: pl.DataFrame,
    *,
    progress: Progress,
) -> None:
    version = data_version_of_origin(inputs, origin, recipe.params.forecast)
    to_score = fold_panel(inputs, origin, recipe)
    keys = {"features_hash": recipe.features_hash, "data_version": version}
    if not _is_stored(connection, "out_of_fold_days", keys, origin):
        _store(connection, "out_of_fold_days", keys, fold_days(inputs, to_score, recipe))
    for family in recipe.families:
        member = {"member_hash": recipe.member_hash(family), "data_version": version}
        if _is_stored(connection, "out_of_fold_forecasts", member, origin):
            continue
        progress(f"fit of {family} as of {origin}")
        model = recipe.fit(family, panel, known_until=origin)
        departures = centred(to_score, model.predict_departures(to_score))
        rows = to_score.select(
            pl.lit(family).alias("model"),
            "forecast_origin",
            "store_id",
            "target_date",
            pl.Series("log_forecast", log_base(to_score) + departures),
        )
        _store(connection, "out_of_fold_forecasts", member, rows)


def _store(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    keys: Mapping[str, str],
    rows: pl.DataFrame,
) -> None:
    with transaction(connection):
        keyed = rows.with_columns(pl.lit(value).alias(name) for name, value in keys.items())
        append_frame(connection, f"forecasting.{table}", keyed)


def _is_stored(
    connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, str], origin: date
) -> bool:
    conditions = " AND ".join(f"{name} = ${name}" for name in keys)
    found = one_row(
        connection,
        f"SELECT 1 FROM forecasting.{table} "  # noqa: S608 - names come from this module
        f"WHERE forecast_origin = $origin AND {conditions} LIMIT 1",
        {**keys, "origin": origin},
    )
    return found is not None


def _stored_origins(
    connection: duckdb.DuckDBPyConnection, inputs: OriginInputs, params: Params, key: RecipeKey
) -> dict[date, str]:
    """Find past origins for which all members' forecasts are stored and fit the current data.

    An origin counts only if sales are known for its whole horizon.

    Returns:
        By origin, the fingerprint of the data on which its forecasts depend.
    """
    members = list(key.members.values())
    over = inputs.forecast_origin - timedelta(days=params.forecast.horizon_days)
    stored = connection.execute(
        """
        SELECT forecast_origin, data_version
        FROM (
            SELECT DISTINCT forecast_origin, data_version, member_hash
            FROM forecasting.out_of_fold_forecasts
            WHERE list_contains($members, member_hash) AND forecast_origin <= $over
        )
        GROUP BY ALL
        HAVING count(*) = $count
        ORDER BY ALL
        """,
        {"members": members, "count": len(members), "over": over},
    ).fetchall()
    return {
        origin: version
        for origin, version in stored
        if version == data_version_of_origin(inputs.features, origin, params.forecast)
    }


def _read(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    params: Params,
    key: RecipeKey,
    *,
    oldest: date,
) -> pl.DataFrame:
    stored = _stored_origins(connection, inputs, params, key)
    versions = [version for origin, version in stored.items() if origin >= oldest]
    rows = read_frame(
        connection,
        """
        SELECT * EXCLUDE (features_hash)
        FROM forecasting.out_of_fold_days
        WHERE features_hash = $features_hash AND list_contains($versions, data_version)
        ORDER BY forecast_origin, store_id, target_date
        """,
        {"features_hash": key.features_hash, "versions": versions},
    )
    keys = ["data_version", "forecast_origin", "store_id", "target_date"]
    for family, member_hash in key.members.items():
        forecasts = read_frame(
            connection,
            """
            SELECT data_version, forecast_origin, store_id, target_date, log_forecast
            FROM forecasting.out_of_fold_forecasts
            WHERE member_hash = $member_hash AND list_contains($versions, data_version)
            """,
            {"member_hash": member_hash, "versions": versions},
        ).rename({"log_forecast": family})
        rows = rows.join(forecasts, on=keys, how="inner", maintain_order="left")
    return rows.drop("data_version")


def data_version_of_origin(inputs: FeatureInputs, origin: date, forecast: ForecastParams) -> str:
    """Compute a fingerprint of all data on which an origin's forecasts and their errors depend.

    Stored forecasts are used again only if this fingerprint is unchanged. It covers sales up to the
    last day of the horizon, the plan up to ``plan_lookahead_days`` after that day, and the stores.
    Later days are excluded, so that the data of a new week does not invalidate stored forecasts
    from past origins.

    Args:
        inputs: Stores, sales and plan.
        origin: Past forecast origin.
        forecast: Parameters with the horizon and ``plan_lookahead_days``.
    """
    last_day = origin + timedelta(days=forecast.horizon_days)
    last_planned = last_day + timedelta(days=forecast.plan_lookahead_days)
    known, plan = inputs.sales.until(last_day), inputs.plan
    columns = slice(0, plan.column(last_planned) + 1)
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"{origin} {inputs.sales.first_date} {plan.first_date}".encode())
    digest.update(inputs.stores.attributes.write_json().encode())
    for array in (
        known.sales,
        plan.is_open[:, columns],
        plan.is_promo[:, columns],
        plan.state_holiday[:, columns],
        plan.is_school_holiday[:, columns],
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
