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
    """Origin and size of a weekly run, which computes the forecasts of one origin.

    Attributes:
        forecast_origin: Forecast origin of the run.
        stores: Number of stores with forecasts.
        store_days: Number of forecasts.
        assumed_store_days: Number of forecasts from an assumed plan, as defined in
            :func:`rossmann_ml.warehouse.tables.core.horizon_plan`.
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
    """Return the newest origin from `first` to `last` that has forecasts; None if there is none."""
    return one_value(
        connection,
        date,
        "SELECT max(forecast_origin) FROM forecasting.forecasts "
        "WHERE forecast_origin BETWEEN ? AND ?",
        [first, last],
    )


def unbiased_factor(connection: duckdb.DuckDBPyConnection, origin: date) -> float:
    """Return the factor that turns sums of an origin's daily forecasts into unbiased totals.

    It is the same for all totals of an origin, and 1 for an origin without an open day.
    """
    factor = one_value(
        connection,
        float,
        "SELECT max(unbiased_factor) FROM forecasting.total_intervals "
        "WHERE level = 'chain' AND forecast_origin = ?",
        [origin],
    )
    return 1.0 if factor is None else factor


def newest_weekly_run(
    connection: duckdb.DuckDBPyConnection, *, min_store_days: int = 0
) -> WeeklyRun | None:
    """Return the newest weekly run with at least `min_store_days` forecasts; None if none has.

    The newest run is the one with the newest origin; of several, the one that started last.
    """
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
    """Return number and reason of each store without a forecast at an origin, sorted by number."""
    rows = connection.execute(
        "SELECT store_id, reason FROM forecasting.stores_not_forecast "
        "WHERE forecast_origin = ? ORDER BY store_id",
        [origin],
    )
    return [(int(store), str(reason)) for store, reason in rows.fetchall()]


def forecasts(connection: duckdb.DuckDBPyConnection, origin: date) -> pl.DataFrame:
    """Read the served forecasts of an origin.

    Returns:
        Columns ``store_id, target_date, is_open, sales_forecast`` (EUR), sorted by store and day.
    """
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
    """Return the versions of the models that made the served forecasts of an origin."""
    rows = connection.execute(
        "SELECT DISTINCT model_version FROM forecasting.forecasts WHERE forecast_origin = ?",
        [origin],
    )
    return {str(version) for (version,) in rows.fetchall()}


def inputs_of_runs(
    connection: duckdb.DuckDBPyConnection, *, first_origin: date
) -> list[tuple[date, str, str | None]]:
    """Return the input hashes of the served forecasts, so that a changed forecast is noticed.

    Args:
        connection: Connection to the pipeline's database.
        first_origin: Oldest forecast origin to return.

    Returns:
        Tuples of forecast origin, run id and input hash (fingerprint of origin, model, data and
        code), one per origin and run, oldest origin first. The hash is None if the run is missing
        in ``forecasting.forecast_runs``.
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
    """Return the input hashes of the shadow forecasts, so that a changed forecast is noticed.

    Args:
        connection: Connection to the pipeline's database.
        first_origin: Oldest forecast origin to return.

    Returns:
        Tuples of forecast origin, version of the challenger, and a text, oldest origin first. The
        text is the input hash of the champion's run that forecast the same panel. It is the id of
        that run if the run is missing in ``forecasting.forecast_runs``.
    """
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
    """Read the first stored forecast of each store-day at each origin, if the day was open in it.

    A later run may have replaced it, but this is the forecast that readers saw first.

    Returns:
        Columns ``forecast_origin, store_id, target_date, horizon_days, model_version, forecast``
        (EUR) and the bounds of the intervals ``lower_80, upper_80, lower_95, upper_95``.
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
        QUALIFY is_open AND row_number() OVER (
            PARTITION BY forecast_origin, store_id, target_date ORDER BY replaced_at NULLS LAST
        ) = 1
        """,
    )


def first_weekly_runs(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the business date of the first weekly run of each origin.

    Returns:
        Columns ``forecast_origin, known_by``, one row per origin, in no fixed order. ``known_by``
        is the business date, the last day whose rows the run could use; in a replay, it is the
        Monday of the simulated week.
    """
    return read_frame(
        connection,
        """
        SELECT forecast_origin, min(known_by) AS known_by
        FROM forecasting.forecast_runs WHERE run_kind = 'weekly' GROUP BY forecast_origin
        """,
    )
