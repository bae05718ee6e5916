"""The store of out-of-fold forecasts: forecasts of past origins by models that had not seen more.

It feeds weights, bias factor, intervals, scores and the gate. A forecast is kept under what made
it: the member's recipe and a fingerprint of the sales, plan and stores that its origin's features
and scores come from. So a retraining computes what is missing only, one fit at a time, and may be
interrupted after any. How origins are forecast and judged is
:mod:`rossmann_ml.evaluation.backtest`'s matter.
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
from rossmann_ml.models.recipe import Recipe, RecipeKey
from rossmann_ml.warehouse.connection import append_frame, one_row, read_frame, transaction


@dataclass(frozen=True)
class Folds:
    """A recipe's forecasts of past origins.

    Attributes:
        rows: As :func:`rossmann_ml.evaluation.backtest.served` takes them, sorted by origin, store
        and day.
        computed: The origins that had to be computed now.
    """

    rows: pl.DataFrame
    computed: list[date]

    @property
    def origins(self) -> list[date]:
        """The origins, oldest first."""
        return self.rows["forecast_origin"].unique().sort().to_list()


def complete_folds(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    recipe: Recipe,
    panel: Callable[[], pl.DataFrame],
    *,
    progress: Progress = silent,
) -> Folds:
    """Compute what is missing of a recipe's past origins, store it, and read all.

    The newest wished origin is always there; in place of any other, one within
    ``backtest.reuse_within_days`` of it serves.

    Args:
        connection: The pipeline's database.
        inputs: What was known for the origin to come.
        recipe: The members.
        panel: Makes the training panel of the origin to come; asked only if a fit is needed.
        progress: Told each fit.

    Raises:
        NoDataError: There is too little history for a single past origin.
    """
    params = recipe.params
    wished = backtest_origins(
        inputs.forecast_origin,
        back_days=recipe.profile_params.backtest_origins_back_days,
        first_training=_first_training_origin(inputs, recipe),
    )
    stored = _stored_origins(connection, inputs, params, recipe.key)
    near = timedelta(days=params.backtest.reuse_within_days)
    missing = [
        origin
        for origin in wished
        if origin not in stored
        and (origin == wished[-1] or not any(abs(each - origin) <= near for each in stored))
    ]
    for number, origin in enumerate(missing, start=1):
        progress(f"backtest at origin {origin}, {number} of {len(missing)}")
        _compute(connection, inputs.features, recipe, origin, panel(), progress=progress)
    oldest = wished[0] - near
    return Folds(_read(connection, inputs, params, recipe.key, oldest=oldest), missing)


def read_folds(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    params: Params,
    key: RecipeKey,
) -> Folds:
    """Read what is stored of a recipe's past origins on the data as they are.

    Raises:
        NoDataError: Nothing is.
    """
    back_days = [
        days
        for profile in params.training.profiles.values()
        for days in profile.backtest_origins_back_days
    ]
    oldest = inputs.forecast_origin - timedelta(
        days=max(back_days) + params.backtest.reuse_within_days
    )
    rows = _read(connection, inputs, params, key, oldest=oldest)
    if rows.is_empty():
        raise NoDataError("there is no backtest of this recipe on this data: run it first")
    return Folds(rows, [])


def _first_training_origin(inputs: OriginInputs, recipe: Recipe) -> date:
    """The oldest training origin, which lies whole steps before the origin to come."""
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
        log_forecast = model.predict_log_sales(to_score)
        rows = to_score.select(
            pl.lit(family).alias("model"),
            "forecast_origin",
            "store_id",
            "target_date",
            pl.Series("log_forecast", log_forecast),
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
    """Origins that all members have forecast on the data as they are, with their data version."""
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
    now = {
        origin: data_version_of_origin(inputs.features, origin, params.forecast)
        for origin in {origin for origin, _ in stored}
    }
    return {origin: version for origin, version in stored if now[origin] == version}


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
    """Fingerprint of all that an origin's forecasts and their scores come from.

    Sales up to the last day of its horizon, the plan up to the days that the last one looks
    ahead to, and the stores. Later days do not count, so that a new week does not make the
    stored forecasts of past origins void.
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
