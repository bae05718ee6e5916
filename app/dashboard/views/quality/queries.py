"""Query data for the data quality page.

Freshness, checks, quarantined rows, filling of the plan, missing days.
"""

from __future__ import annotations

from app.published import Reading
from app.queries import Row


def freshness(reading: Reading) -> Row:
    """Return the last days with sales and with a plan, and the numbers of stores with sales.

    A store counts as having sales on a day if a file has its sales row of that day, even if it was
    closed. A few stores do not move the days.

    Returns:
        ``newest_sales`` (last day with sales of half of the stores; None if there is none),
        ``stores_with_sales`` (number of stores with sales on any day), ``stores_in_newest_week``
        (number of stores with sales in the 7 days up to ``newest_sales``), and ``plan_through``
        (last day on which 90% of the stores have a plan of the retailer; None if there is none).
    """
    row = reading.row(
        """
        WITH newest AS (SELECT quantile_disc(last_sales_date, 0.5) AS newest_sales FROM stores)
        SELECT newest_sales,
            count(*) FILTER (last_sales_date IS NOT NULL) AS stores_with_sales,
            count(*) FILTER (last_sales_date >= newest_sales - 6) AS stores_in_newest_week,
            (
                SELECT max(plan_date) FROM (
                    SELECT plan_date FROM store_plan GROUP BY plan_date
                    HAVING count(*) FILTER (plan_source = 'planned') >= 0.9 * count(*)
                )
            ) AS plan_through
        FROM stores CROSS JOIN newest
        GROUP BY newest_sales
        """
    )
    return row or {}


def runs(reading: Reading) -> list[Row]:
    """Count the data checks of each run by outcome, oldest run first.

    Returns:
        ``run_id``, ``started_at`` (time of the first check), and the numbers ``checks``,
        ``passed``, ``warnings`` and ``errors``. Warnings and errors are failed checks.
    """
    return reading.rows(
        """
        SELECT run_id, min(checked_at) AS started_at,
            count(*) AS checks, count(*) FILTER (is_success) AS passed,
            count(*) FILTER (NOT is_success AND severity = 'warning') AS warnings,
            count(*) FILTER (NOT is_success AND severity != 'warning') AS errors
        FROM data_quality_results
        GROUP BY run_id ORDER BY started_at, run_id
        """
    )


def results(reading: Reading, run_id: str | None, most: int | None = None) -> list[Row]:
    """Return a table of the results of data checks: of one run, or the failed ones of all runs.

    Columns are whether the check passed, severity, suite, table, column, check, value found, value
    expected, number of unexpected rows, and time of the check (UTC). Column names are the titles
    that visitors see.

    Args:
        reading: Access to the generation.
        run_id: Run whose checks are returned, failed checks first. None means the failed checks of
            all runs, newest first.
        most: Largest number of rows; None means all rows.
    """
    return reading.rows(
        """
        SELECT is_success AS "Passed", severity AS "Severity", suite AS "Suite",
            table_name AS "Table", coalesce(column_name, '') AS "Column",
            replace(check_name, '_', ' ') AS "Check", coalesce(observed, '') AS "Found",
            coalesce(expected, '') AS "Expected", rows_unexpected AS "Unexpected rows",
            checked_at AS "When (UTC)"
        FROM data_quality_results
        WHERE if($run IS NULL, NOT is_success, run_id = $run)
        ORDER BY is_success, if($run IS NULL, checked_at, NULL) DESC, severity, suite, table_name,
            check_name, column_name
        LIMIT $most
        """,
        {"run": run_id, "most": most},
    )


def quarantine_reasons(reading: Reading) -> list[Row]:
    """Return a table that counts quarantined rows by file and invalid column, most rows first.

    It has also one of the reasons as an example, and the last time (UTC) at which such a row was
    quarantined. Column names are the titles that visitors see.
    """
    return reading.rows(
        """
        SELECT file_name AS "File", coalesce(column_name, 'whole row') AS "Column",
            count(*) AS "Rows", any_value(reason) AS "Example of the reason",
            max(quarantined_at) AS "Newest (UTC)"
        FROM quarantined_rows GROUP BY file_name, kind, column_name
        ORDER BY "Rows" DESC, file_name, column_name
        """
    )


def quarantined(reading: Reading, most: int) -> list[Row]:
    """Return a table of at most ``most`` quarantined rows, newest first.

    It has file, line number, invalid column, reason and text of the row. Column names are the
    titles that visitors see.
    """
    return reading.rows(
        """
        SELECT file_name AS "File", line_number AS "Line",
            coalesce(column_name, 'whole row') AS "Column", reason AS "Reason", row_text AS "Row"
        FROM quarantined_rows
        ORDER BY quarantined_at DESC, file_name, line_number, column_name LIMIT ?
        """,
        [most],
    )


def filled_days(reading: Reading) -> Row:
    """Count the store-days of the newest forecast: all (``days``), filled by rule (``filled``)."""
    row = reading.row(
        "SELECT count(*) AS days, count(*) FILTER (plan_source = 'assumed') AS filled "
        "FROM latest_forecasts"
    )
    return row or {}


def filling_accuracy(reading: Reading) -> list[Row]:
    """Return how often the rules that fill the plan were right, by filled column.

    Returns:
        ``plan_column``, ``right_share`` (0 to 1), ``store_days`` (number of compared store-days),
        ``first_origin`` and ``last_origin`` (oldest and newest past origin), in the order openings,
        promotions, public holidays, school holidays. No rows without past origins to compare.
    """
    return reading.rows(
        """
        SELECT plan_column, sum(store_days_right) / sum(store_days) AS right_share,
            sum(store_days)::BIGINT AS store_days,
            min(first_origin) AS first_origin, max(last_origin) AS last_origin
        FROM plan_filling_accuracy GROUP BY plan_column
        ORDER BY array_position(
            ['is_open', 'is_promo', 'state_holiday', 'is_school_holiday'], plan_column)
        """
    )


def missing_by_month(reading: Reading) -> list[Row]:
    """Count, for each month, the store-days that no file has a row for.

    Returns:
        One row per month, in order: ``month`` (its first day), ``missing_days`` (number of such
        store-days), ``missing_share`` (share of all store-days in the month) and ``stores``
        (number of stores with at least one missing day).
    """
    return reading.rows(
        """
        SELECT date_trunc('month', sales_date)::DATE AS month,
            count(*) FILTER (NOT is_observed) AS missing_days,
            missing_days / count(*) AS missing_share,
            count(DISTINCT store_id) FILTER (NOT is_observed) AS stores
        FROM daily_sales GROUP BY month ORDER BY month
        """
    )


def missing_by_store(reading: Reading, most: int) -> list[Row]:
    """Return a table of the ``most`` stores that have the most missing days, most days first.

    A day is missing if no file has a row for the store on that day. The table has the number of
    missing days, the first and the last of them. Column names are the titles that visitors see.
    """
    return reading.rows(
        """
        SELECT store_id AS "Store", count(*) AS "Missing days", min(sales_date) AS "First",
            max(sales_date) AS "Last"
        FROM daily_sales WHERE NOT is_observed
        GROUP BY store_id ORDER BY "Missing days" DESC, store_id LIMIT ?
        """,
        [most],
    )


def stores_not_forecast(reading: Reading) -> list[Row]:
    """Return a table of the stores without a forecast at the newest origin, sorted by store.

    Columns are store and reason (in words). Column names are the titles that visitors see.
    """
    return reading.rows(
        """
        SELECT store_id AS "Store", reason AS "Reason" FROM stores_not_forecast
        WHERE forecast_origin = ? ORDER BY store_id
        """,
        [reading.info.forecast_origin],
    )
