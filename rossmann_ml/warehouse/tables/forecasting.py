"""Query the forecasts in schema ``forecasting``, and the runs that computed them.

:mod:`rossmann_ml.forecasting` writes these tables. Models, in the same schema, are in
:mod:`rossmann_ml.warehouse.tables.models`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import one_row, one_value, read_frame


@dataclass(frozen=True)
class WeeklyRun:
    """Main figures of a weekly scoring run.

    Attributes:
        forecast_origin: Forecast origin of the run.
        stores: Number of stores with forecasts.
        store_days: Number of forecasts.
        assumed_store_days: Number of forecasts whose plan was filled by rule.
    """

    forecast_origin: date
    stores: int
    store_days: int
    assumed_store_days: int


def origins(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """Return the origins that have forecasts, newest first."""
    rows = connection.execute(
        "SELECT DISTINCT forecast_origin FROM forecasting.forecasts ORDER BY 1 DESC"
    )
    return [origin for (origin,) in rows.fetchall()]


def newest_origin_between(
    connection: duckdb.DuckDBPyConnection, first: date = date.min, last: date = date.max
) -> date | None:
    """Return the newest origin with forecasts within a span of days; None without one."""
    return one_value(
        connection,
        date,
        "SELECT max(forecast_origin) FROM forecasting.forecasts "
        "WHERE forecast_origin BETWEEN ? AND ?",
        [first, last],
    )


def newest_weekly_run(
    connection: duckdb.DuckDBPyConnection, *, min_store_days: int = 0
) -> WeeklyRun | None:
    """Return the newest weekly run with at least `min_store_days` forecasts; None without one."""
    row = one_row(
        connection,
        """
        SELECT forecast_origin, stores, store_days, assumed_store_days
        FROM forecasting.forecast_runs WHERE run_kind = 'weekly' AND store_days >= ?
        ORDER BY forecast_origin DESC, started_at DESC LIMIT 1
        """,
        [min_store_days],
    )
    return None if row is None else WeeklyRun(*row)


def stores_not_forecast(
    connection: duckdb.DuckDBPyConnection, origin: date
) -> list[tuple[int, str]]:
    """Return the stores without a forecast at an origin, each with the reason, by store number."""
    rows = connection.execute(
        "SELECT store_id, reason FROM forecasting.stores_not_forecast "
        "WHERE forecast_origin = ? ORDER BY store_id",
        [origin],
    )
    return [(int(store), str(reason)) for store, reason in rows.fetchall()]


def forecasts(connection: duckdb.DuckDBPyConnection, origin: date) -> pl.DataFrame:
    """Read ``store_id, target_date, is_open, sales_forecast`` of an origin, by store and day."""
    return read_frame(
        connection,
        """
        SELECT store_id, target_date, is_open, sales_forecast
        FROM forecasting.forecasts WHERE forecast_origin = ?
        ORDER BY store_id, target_date
        """,
        [origin],
    )


def models_of(connection: duckdb.DuckDBPyConnection, origin: date) -> set[str]:
    """Return the versions of the models behind the forecasts of an origin."""
    rows = connection.execute(
        "SELECT DISTINCT model_version FROM forecasting.forecasts WHERE forecast_origin = ?",
        [origin],
    )
    return {str(version) for (version,) in rows.fetchall()}


def inputs_of_runs(
    connection: duckdb.DuckDBPyConnection, *, first_origin: date
) -> list[tuple[date, str, str | None]]:
    """Return origin, run id and input hash of current forecasts, for origins from a date on.

    The hash is None if the run is not in ``forecasting.forecast_runs``.
    """
    rows = connection.execute(
        """
        SELECT DISTINCT f.forecast_origin, f.run_id, r.input_hash
        FROM forecasting.forecasts AS f
        LEFT JOIN forecasting.forecast_runs AS r USING (run_id)
        WHERE f.forecast_origin >= ?
        ORDER BY ALL
        """,
        [first_origin],
    )
    return rows.fetchall()  # type: ignore[no-any-return]


def inputs_of_shadows(
    connection: duckdb.DuckDBPyConnection, *, first_origin: date
) -> list[tuple[date, str, str]]:
    """Return origin, challenger and input hash of shadow forecasts, for origins from a date on."""
    rows = connection.execute(
        """
        SELECT DISTINCT s.forecast_origin, s.model_version, coalesce(r.input_hash, s.run_id)
        FROM forecasting.shadow_forecasts AS s
        LEFT JOIN forecasting.forecast_runs AS r USING (run_id)
        WHERE s.forecast_origin >= ?
        ORDER BY ALL
        """,
        [first_origin],
    )
    return rows.fetchall()  # type: ignore[no-any-return]


def first_served(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the first served forecasts of open days for each origin, with their intervals.

    The first ones are read and not those of the run in force, because readers saw the first ones.
    """
    return read_frame(
        connection,
        """
        WITH vintages AS (
            SELECT * EXCLUDE (replaced_at), replaced_at FROM forecasting.forecast_history
            UNION ALL BY NAME
            SELECT *, NULL AS replaced_at FROM forecasting.forecasts
        )
        SELECT
            forecast_origin, store_id, target_date, horizon_days, model_version,
            sales_forecast AS forecast, lower_80, upper_80, lower_95, upper_95
        FROM vintages
        WHERE is_open
        QUALIFY row_number() OVER (
            PARTITION BY forecast_origin, store_id, target_date ORDER BY replaced_at NULLS LAST
        ) = 1
        """,
    )


def first_weekly_runs(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read ``forecast_origin, known_by`` of the first weekly run of each origin."""
    return read_frame(
        connection,
        """
        SELECT forecast_origin, min(known_by) AS known_by
        FROM forecasting.forecast_runs WHERE run_kind = 'weekly' GROUP BY forecast_origin
        """,
    )
