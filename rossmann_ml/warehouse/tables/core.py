"""Query schema ``core``: the cleaned sales, stores and plans that dbt builds.

Inputs of the features are read by :mod:`rossmann_ml.features.inputs`.
"""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import count_rows, one_value, read_frame

# For restated store-days, the version known on `$known_by` replaces the current one.
_HISTORY = """
    WITH restated AS (
        SELECT store_id, sales_date
        FROM core.sales_versions
        WHERE sales_date <= $origin AND (known_on > $known_by OR superseded_on > $known_by)
        GROUP BY ALL
    ),
    known_then AS (
        SELECT versions.store_id, versions.sales_date, versions.sales
        FROM core.sales_versions AS versions
        SEMI JOIN restated USING (store_id, sales_date)
        WHERE versions.known_on <= $known_by
            AND (versions.superseded_on IS NULL OR versions.superseded_on > $known_by)
    )
    SELECT store_id, sales_date, sales
    FROM core.fct_daily_sales
    ANTI JOIN restated USING (store_id, sales_date)
    WHERE sales_date <= $origin AND is_observed
    UNION ALL
    SELECT store_id, sales_date, sales FROM known_then
    ORDER BY store_id, sales_date
"""


def is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether dbt has built ``core.fct_daily_sales``."""
    return count_rows(connection, ["core.fct_daily_sales"]) != {"core.fct_daily_sales": None}


def newest_planned_origin(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the newest forecast origin that has a plan.

    Raises:
        duckdb.CatalogException: dbt has not built the plan yet.
    """
    return one_value(connection, date, "SELECT max(forecast_origin) FROM core.horizon_plan")


def newest_complete_day(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the origin that dbt chose: by default the newest day with sales of enough stores.

    Enough means the share ``origin_min_coverage`` of the stores that should be open.
    """
    return one_value(connection, date, "SELECT forecast_origin FROM core.forecast_origin")


def newest_observed_day(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the newest day with reported sales."""
    return one_value(
        connection, date, "SELECT max(sales_date) FROM core.fct_daily_sales WHERE is_observed"
    )


def sales_known_by(
    connection: duckdb.DuckDBPyConnection, *, origin: date, known_by: date
) -> pl.DataFrame:
    """Read ``store_id, sales_date, sales`` up to an origin, as they were known on `known_by`.

    If sales were corrected after `known_by`, the values from before the correction are returned.
    """
    return read_frame(connection, _HISTORY, {"origin": origin, "known_by": known_by})


def plan_around(connection: duckdb.DuckDBPyConnection, origin: date) -> pl.DataFrame:
    """Read the plan up to an origin and the plan after it that was made for this origin.

    Returns:
        ``store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday``, one row per
        store-day.
    """
    return read_frame(
        connection,
        """
        SELECT store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday
        FROM core.store_plan
        WHERE plan_date <= $origin
        UNION ALL
        SELECT store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday
        FROM core.horizon_plan
        WHERE forecast_origin = $origin
        ORDER BY store_id, plan_date
        """,
        {"origin": origin},
    )


def horizon_plan(
    connection: duckdb.DuckDBPyConnection, *, origin: date, horizon_days: int
) -> pl.DataFrame:
    """Read ``store_id, target_date, plan_source`` of the days to forecast from an origin."""
    return read_frame(
        connection,
        """
        SELECT store_id, plan_date AS target_date, plan_source
        FROM core.horizon_plan
        WHERE forecast_origin = $origin AND horizon_days <= $horizon_days
        ORDER BY store_id, plan_date
        """,
        {"origin": origin, "horizon_days": horizon_days},
    )


def stores(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the stores with their attributes, sorted by ``store_id``."""
    return read_frame(
        connection,
        """
        SELECT
            store_id, store_type, assortment, state, competition_distance_m,
            competition_open_since, has_promo2, promo2_since, promo2_months
        FROM core.dim_store
        ORDER BY store_id
        """,
    )


def first_sales_dates(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read ``store_id, first_sales_date`` of all stores; the date is null before the first sale."""
    return read_frame(
        connection, "SELECT store_id, first_sales_date FROM core.dim_store ORDER BY store_id"
    )


def daily_sales(connection: duckdb.DuckDBPyConnection, *, first: date, last: date) -> pl.DataFrame:
    """Read reported sales from `first` to `last` (both included), with the store's state.

    Returns:
        ``store_id, state, day, sales, customers, is_open, is_promo, state_holiday``, sorted by
        store and day.
    """
    return read_frame(
        connection,
        """
        SELECT store_id, coalesce(state, 'unknown') AS state, sales_date AS day, sales, customers,
            is_open, is_promo, state_holiday
        FROM core.fct_daily_sales
        JOIN core.dim_store USING (store_id)
        WHERE is_observed AND sales_date BETWEEN $first AND $last
        ORDER BY store_id, day
        """,
        {"first": first, "last": last},
    )


def plan_of_a_year(
    connection: duckdb.DuckDBPyConnection, *, origin: date, horizon_days: int
) -> pl.DataFrame:
    """Read the plan of the horizon and what actually happened in the 365 days up to the origin.

    Returns:
        ``store_id, state, day, is_open, is_promo, state_holiday, is_school_holiday, plan_source``,
        sorted by store and day.
    """
    return read_frame(
        connection,
        """
        SELECT store_id, coalesce(state, 'unknown') AS state, day, is_open, is_promo, state_holiday,
            is_school_holiday, plan_source
        FROM (
            SELECT store_id, plan_date AS day, is_open, is_promo, state_holiday, is_school_holiday,
                plan_source
            FROM core.horizon_plan
            WHERE forecast_origin = $origin AND horizon_days <= $horizon_days
            UNION ALL
            SELECT store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday,
                plan_source
            FROM core.store_plan
            WHERE plan_source = 'actual' AND plan_date > $origin::DATE - 365
                AND plan_date <= $origin
        )
        JOIN core.dim_store USING (store_id)
        ORDER BY store_id, day
        """,
        {"origin": origin, "horizon_days": horizon_days},
    )
