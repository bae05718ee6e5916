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
    """Return whether dbt has built the table of cleaned sales, ``core.fct_daily_sales``."""
    return count_rows(connection, ["core.fct_daily_sales"]) != {"core.fct_daily_sales": None}


def newest_planned_origin(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the newest forecast origin for which dbt has built a plan; None if there is none.

    Raises:
        duckdb.CatalogException: dbt has not built the plan yet.
    """
    return one_value(connection, date, "SELECT max(forecast_origin) FROM core.horizon_plan")


def newest_complete_day(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the newest complete day, which dbt's newest run used as the forecast origin.

    A day is complete if at least the share ``origin_min_coverage`` of the stores that should be
    open have sales rows. The result is None if there is no such day. If dbt's newest run was given
    a forecast origin, as in a backfill, the result is that origin.
    """
    return one_value(connection, date, "SELECT forecast_origin FROM core.forecast_origin")


def newest_observed_day(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the newest day with sales rows of any store; None if there are none."""
    return one_value(
        connection, date, "SELECT max(sales_date) FROM core.fct_daily_sales WHERE is_observed"
    )


def sales_known_by(
    connection: duckdb.DuckDBPyConnection, *, origin: date, known_by: date
) -> pl.DataFrame:
    """Read sales up to an origin as they were known on a given day, to forecast from past origins.

    Args:
        connection: Connection to the pipeline's database.
        origin: Last day of the sales.
        known_by: Last day on which a value may have become known; ``date.max`` for the newest
            values. If sales were corrected later, the values from before the correction are
            returned.

    Returns:
        Columns ``store_id, sales_date, sales`` (EUR), sorted by store and day. There is one row per
        store-day, open or closed, whose sales row was known by then.
    """
    return read_frame(connection, _HISTORY, {"origin": origin, "known_by": known_by})


def plan_around(connection: duckdb.DuckDBPyConnection, origin: date) -> pl.DataFrame:
    """Read opening, promotion and holidays of all days before and after a forecast origin.

    Days up to the origin begin with the store's first sales row and are as its sales rows say. A
    day without a row counts as closed; its promotion and holidays are those of most other stores
    (holidays: of the same state, where it is known).

    Days after the origin are from the plan that dbt built for it. They end ``plan_lookahead_days``
    after the horizon.

    Args:
        connection: Connection to the pipeline's database.
        origin: Forecast origin, for which dbt has built a plan.

    Returns:
        Columns ``store_id, plan_date, is_open, is_promo, state_holiday`` (the retailer's code,
        ``0``, ``a``, ``b`` or ``c``), ``is_school_holiday``, one row per store-day, sorted by store
        and day.
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
    """Read the store-days to forecast from an origin, each with the source of its plan.

    Args:
        connection: Connection to the pipeline's database.
        origin: Forecast origin, for which dbt has built a plan.
        horizon_days: Number of days after the origin to read.

    Returns:
        Columns ``store_id, target_date, plan_source``. The source is ``planned`` (the retailer's
        plan), ``actual`` (the store's later report), ``assumed`` (neither exists, so that a rule
        decides) or ``not_selling`` (neither exists, and the store is closed because it does not
        sell).
    """
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


def selling_stores_outside_the_plan(
    connection: duckdb.DuckDBPyConnection,
) -> list[tuple[int, date | None, bool]]:
    """Return the stores that sold lately, and that the plan of the others closes or leaves out.

    Returns:
        One tuple per store at the newest forecast origin: number; first forecast day on which it is
        closed because its own plan leaves it out or has closed it, None without such a day; whether
        no forecast day is planned for it. No tuples before dbt built the plan.
    """
    # a query that fails would end the caller's transaction
    is_built = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'selling_days'"
    if not one_value(connection, int, is_built):
        return []
    rows = connection.execute(
        """
        SELECT
            store_id,
            min(plan_date) FILTER (NOT is_selling AND plan_date <= last_forecast_date) AS closes_on,
            bool_or(is_left_out) AS is_left_out
        FROM core.selling_days, core.forecast_origin
        WHERE last_sold_on IS NOT NULL
        GROUP BY store_id
        HAVING closes_on IS NOT NULL OR bool_or(is_left_out)
        ORDER BY store_id
        """
    )
    return [(int(store), day, bool(is_left_out)) for store, day, is_left_out in rows.fetchall()]


def stores(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the attributes of all stores, sorted by ``store_id``.

    Returns:
        Columns ``store_id, store_type`` (``a`` to ``d``), ``assortment`` (``a`` to ``c``),
        ``state`` (such as ``BY``), ``competition_distance_m``, ``competition_open_since`` (date),
        ``has_promo2``, ``promo2_since`` (date), ``promo2_months`` (text such as
        ``Jan,Apr,Jul,Oct``). Unknown values are null.
    """
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


def last_sales_and_next_openings(
    connection: duckdb.DuckDBPyConnection, origin: date
) -> pl.DataFrame:
    """Read when each store last sold up to a forecast origin, and when its plan opens it next.

    Returns:
        Columns ``store_id, last_sold_on, opens_on``, one row per store. The dates are null for a
        store that never sold, and for one that no plan opens.
    """
    return read_frame(
        connection,
        """
        SELECT store_id, last_sold_on, opens_on
        FROM core.dim_store
        LEFT JOIN (
            SELECT store_id, max(sales_date) AS last_sold_on
            FROM core.fct_daily_sales
            WHERE sales_date <= $origin AND sales > 0
            GROUP BY store_id
        ) USING (store_id)
        LEFT JOIN (
            SELECT store_id, min(plan_date) AS opens_on
            FROM core.plan_versions
            WHERE plan_date > $origin AND is_current AND is_open
            GROUP BY store_id
        ) USING (store_id)
        ORDER BY store_id
        """,
        {"origin": origin},
    )


def daily_sales(connection: duckdb.DuckDBPyConnection, *, first: date, last: date) -> pl.DataFrame:
    """Read the sales of all stores from `first` to `last`, both included.

    Returns:
        Columns ``store_id, state, day, sales`` (EUR), ``customers, is_open, is_promo,
        state_holiday`` (a code as in :func:`plan_around`), sorted by store and day. Store-days
        without a sales row are absent.
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
    """Read opening, promotion and holidays of a forecast's horizon and of the year before it.

    The days of the horizon are from the plan that dbt built for this origin. The 365 days up to the
    origin are as the stores' sales rows say; store-days without a row are absent.

    Args:
        connection: Connection to the pipeline's database.
        origin: Forecast origin, for which dbt has built a plan.
        horizon_days: Number of days after the origin to read.

    Returns:
        Columns ``store_id, state, day, is_open, is_promo, state_holiday`` (a code as in
        :func:`plan_around`), ``is_school_holiday, plan_source``, sorted by store and day. The
        source is ``actual`` up to the origin, and as in :func:`horizon_plan` after it.
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
