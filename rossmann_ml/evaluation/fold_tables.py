"""Store and read out-of-fold forecasts, by the recipe and the data with which they were made.

See :mod:`rossmann_ml.evaluation.folds` for computing them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.base.params import ForecastParams, Params
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.warehouse.connection import append_frame, one_row, read_frame, transaction


@dataclass(frozen=True)
class StoredOrigin:
    """A past origin with stored forecasts of all members.

    Attributes:
        data_version: Fingerprint of the data on which the forecasts depend.
        is_fitted: Whether models were fitted for this origin. If not, the models of an earlier
            origin made its forecasts.
    """

    data_version: str
    is_fitted: bool


def store_days(
    connection: duckdb.DuckDBPyConnection, keys: Mapping[str, str], days: pl.DataFrame
) -> None:
    """Store the days of an origin in place of those that are stored.

    Args:
        connection: Pipeline database.
        keys: ``features_hash`` and ``data_version``.
        days: Result of :func:`rossmann_ml.evaluation.backtest.fold_days`.
    """
    _replace(connection, "out_of_fold_days", days.with_columns(**_literals(keys)), keys)


def store_forecasts(
    connection: duckdb.DuckDBPyConnection, member_hash: str, forecasts: pl.DataFrame
) -> None:
    """Store a member's forecasts from some origins in place of those that are stored for them.

    Args:
        connection: Pipeline database.
        member_hash: Fingerprint of the member.
        forecasts: Columns of ``forecasting.out_of_fold_forecasts`` except ``member_hash``.
    """
    keys = {"member_hash": member_hash}
    rows = forecasts.with_columns(**_literals(keys))
    _replace(connection, "out_of_fold_forecasts", rows, keys)


def has_fit(
    connection: duckdb.DuckDBPyConnection, member_hash: str, data_version: str, origin: date
) -> bool:
    """Return whether forecasts from an origin by a member that was fitted for it are stored."""
    found = one_row(
        connection,
        "SELECT 1 FROM forecasting.out_of_fold_forecasts WHERE forecast_origin = $origin "
        "AND trained_through = $origin AND member_hash = $member AND data_version = $data LIMIT 1",
        {"origin": origin, "member": member_hash, "data": data_version},
    )
    return found is not None


def has_later_fit(
    connection: duckdb.DuckDBPyConnection,
    member_hash: str,
    data_version: str,
    origin: date,
    *,
    trained_through: date,
) -> bool:
    """Return whether forecasts from an origin by a member that was fitted later are stored.

    Args:
        connection: Pipeline database.
        member_hash: Fingerprint of the member.
        data_version: Result of :func:`data_version_of_origin` for the origin.
        origin: Forecast origin.
        trained_through: Origin of the earlier fit.
    """
    found = one_row(
        connection,
        "SELECT 1 FROM forecasting.out_of_fold_forecasts WHERE forecast_origin = $origin "
        "AND trained_through > $fitted AND member_hash = $member AND data_version = $data LIMIT 1",
        {
            "origin": origin,
            "fitted": trained_through,
            "member": member_hash,
            "data": data_version,
        },
    )
    return found is not None


def _literals(keys: Mapping[str, str]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in keys.items()}


def _replace(
    connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame, keys: Mapping[str, str]
) -> None:
    conditions = " AND ".join(f"{name} = ${name}" for name in keys)
    origins = rows["forecast_origin"].unique().to_list()
    with transaction(connection):
        connection.execute(
            f"DELETE FROM forecasting.{table} "  # noqa: S608 - names come from this module
            f"WHERE list_contains($origins, forecast_origin) AND {conditions}",
            {**keys, "origins": origins},
        )
        append_frame(connection, f"forecasting.{table}", rows)


def stored_origins(
    connection: duckdb.DuckDBPyConnection, inputs: OriginInputs, params: Params, key: RecipeKey
) -> dict[date, StoredOrigin]:
    """Find past origins for which all members' forecasts are stored and fit the current data.

    An origin counts only if sales are known for its whole horizon.
    """
    members = list(key.members.values())
    over = inputs.forecast_origin - timedelta(days=params.forecast.horizon_days)
    stored = connection.execute(
        """
        SELECT forecast_origin, data_version, bool_and(trained_through = forecast_origin)
        FROM (
            SELECT DISTINCT forecast_origin, data_version, member_hash, trained_through
            FROM forecasting.out_of_fold_forecasts
            WHERE list_contains($members, member_hash) AND forecast_origin <= $over
        )
        GROUP BY forecast_origin, data_version
        HAVING count(*) = $count
        ORDER BY ALL
        """,
        {"members": members, "count": len(members), "over": over},
    ).fetchall()
    return {
        origin: StoredOrigin(version, is_fitted)
        for origin, version, is_fitted in stored
        if version == data_version_of_origin(inputs.features, origin, params.forecast)
    }


def read(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    params: Params,
    key: RecipeKey,
    *,
    oldest: date,
) -> tuple[pl.DataFrame, list[date]]:
    """Read the stored forecasts of a recipe that were made from the current data.

    Args:
        connection: Pipeline database.
        inputs: Stores, sales and plan.
        params: Parameters of ``params.yaml``.
        key: Key of the recipe.
        oldest: Oldest origin to read.

    Returns:
        Rows as in :class:`rossmann_ml.evaluation.folds.Folds`, and the origins for which models
        were fitted, oldest first.
    """
    stored = stored_origins(connection, inputs, params, key)
    stored = {origin: found for origin, found in stored.items() if origin >= oldest}
    versions = [found.data_version for found in stored.values()]
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
    fitted = [origin for origin, found in stored.items() if found.is_fitted]
    return rows.drop("data_version"), fitted


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
