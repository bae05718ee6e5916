"""Audit a written generation: compare the file on disk with the contract before it is served.

The contract, ``contract.yaml``, defines the tables, columns, keys and views on which readers rely.
Entry point: :func:`audit_generation`, which only reads; :mod:`rossmann_ml.publish.publishing`
removes a file that fails. Checks of whether forecasts are plausible are in
:mod:`rossmann_ml.quality`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import PublishError
from rossmann_ml.serving.contract import STORAGE_VERSION, Contract, Table
from rossmann_ml.serving.generations import reading
from rossmann_ml.serving.quantiles import macros_sql
from rossmann_ml.warehouse.connection import one_value

# Faults of daily forecasts: the wording in the message, and the SQL condition of a faulty row.
_FORECAST_FAULTS = {
    "has a forecast or bound below 0": "least(sales_forecast, lower_80, lower_95) < 0",
    "has bounds out of order": """
        NOT (lower_95 <= lower_80 AND lower_80 <= sales_forecast
             AND sales_forecast <= upper_80 AND upper_80 <= upper_95)""",
    "is closed and not 0": """
        NOT is_open AND (sales_forecast, lower_80, upper_80, lower_95, upper_95)
            IS DISTINCT FROM (0, 0, 0, 0, 0)""",
    "has a median or error scale below 0, or only one of them": """
        sales_median < 0 OR error_scale < 0 OR (sales_median IS NULL) <> (error_scale IS NULL)""",
    "is closed and has a median above 0": "NOT is_open AND sales_median > 0",
    "has a median, but its origin has no quantiles of errors": """
        sales_median IS NOT NULL
        AND forecast_origin NOT IN (SELECT forecast_origin FROM error_quantiles)""",
    "has a target date that is not horizon_days after the origin":
        "target_date <> forecast_origin + horizon_days",
    # earlier origins keep the horizon with which they were forecast
    "is outside the horizon": """
        horizon_days < 1
        OR forecast_origin = (SELECT forecast_origin FROM generation_info)
        AND horizon_days > (SELECT horizon_days FROM generation_info)""",
    "names a model that is not in model_versions":
        "model_version NOT IN (SELECT model_version FROM model_versions)",
    "names a run that is not in forecast_runs":
        "run_id NOT IN (SELECT run_id FROM forecast_runs)",
}  # fmt: skip

# Faults of totals. NULL is allowed because a segment formed after the forecast has no bounds.
_TOTAL_FAULTS = {
    "has bounds out of order": """
        NOT (0 <= lower_95 AND lower_95 <= lower_80 AND lower_80 <= sales_unbiased
             AND sales_unbiased <= upper_80 AND upper_80 <= upper_95)""",
    "is closed and not 0": """
        open_store_days = 0
        AND (sales_forecast, sales_unbiased, lower_80, upper_80, lower_95, upper_95)
            IS DISTINCT FROM (0, 0, 0, 0, 0, 0)""",
    "has an error scale below 0": "error_scale < 0",
    "has a shape of errors that is not in error_quantiles": """
        (forecast_origin, error_shape) NOT IN (SELECT (forecast_origin, shape) FROM error_quantiles)
        AND error_shape IS NOT NULL""",
    "has some bounds and not others": """
        sales_unbiased + lower_80 + upper_80 + lower_95 + upper_95 IS NULL
        AND coalesce(sales_unbiased, lower_80, upper_80, lower_95, upper_95) IS NOT NULL""",
}


def _rules_of_totals(span: str) -> tuple[str, str, dict[str, str]]:
    """Return the rules that the audit checks on each row of a table of totals.

    Args:
        span: Column that says which days are added up: ``week_start`` or ``days``.

    Returns:
        SQL expression that names a row in a message, SQL sort order of the rows, and, by the
        wording of each fault, the SQL condition of a row that has the fault.
    """
    name = f"level || ' ' || segment || ', {span} ' || {span} || ' of origin ' || forecast_origin"
    return name, f"forecast_origin, level, segment, {span}", _TOTAL_FAULTS


# Quantiles of sales cross if those of errors do.
_ERROR_FAULTS = {
    "is smaller than that of the level below": """
        (forecast_origin, shape, level) IN (
            FROM (
                SELECT forecast_origin, shape, level, log_error - lag(log_error) OVER w AS step
                FROM error_quantiles
                WINDOW w AS (PARTITION BY forecast_origin, shape ORDER BY level)
            ) SELECT forecast_origin, shape, level WHERE step < 0)""",
    "is not 0 at the level 0.5": "level = 0.5 AND log_error <> 0",
}

# By table: the SQL expression that names a row, the order of the rows, and their faults.
_ROW_FAULTS = {
    "forecasts": (
        "'store ' || store_id || ' on ' || target_date || ' of origin ' || forecast_origin",
        "store_id, target_date, forecast_origin",
        _FORECAST_FAULTS,
    ),
    "error_quantiles": (
        "'level ' || level || ' of shape ' || shape || ' of origin ' || forecast_origin",
        "forecast_origin, shape, level",
        _ERROR_FAULTS,
    ),
    "forecast_totals": _rules_of_totals("week_start"),
    "forecast_horizon_totals": _rules_of_totals("days"),
}

_FAULTS_SHOWN = 12


def audit_generation(
    path: Path, *, contract: Contract, expected_rows: Mapping[str, int]
) -> dict[str, int]:
    """Check a written generation against the contract, so that a faulty file is never served.

    Args:
        path: Generation file (DuckDB), which is opened read-only.
        contract: Tables, columns and views that the file must hold.
        expected_rows: Number of rows that each table must have, by name: as many as were to be
            copied from the warehouse.

    Returns:
        Number of rows of every table and view, by name.

    Raises:
        PublishError: The file has faults; the message lists the first 12 and the number of others.
    """
    with reading(path) as connection:
        faults = list(_shape_faults(connection, contract))
        if not faults:  # the other checks read columns whose presence the shape check proves
            tag = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal"
            found = one_value(connection, str, tag)
            if str(found).rstrip("+") != STORAGE_VERSION:
                faults.append(
                    f"the file has DuckDB's storage version {found}, expected {STORAGE_VERSION}"
                )
            for table in contract.tables:
                faults += _table_faults(connection, table, expected_rows[table.name])
            faults += _row_faults(connection)
            faults += _gaps_in_newest_origin(connection)
            faults += _totals_unlike_days(connection)
        if faults:
            more = len(faults) - _FAULTS_SHOWN
            shown = "; ".join(faults[:_FAULTS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
            raise PublishError(f"the generation did not pass its audit and is not served: {shown}")
        return count_generation_rows(connection, contract)


def count_generation_rows(
    connection: duckdb.DuckDBPyConnection, contract: Contract
) -> dict[str, int]:
    """Count the rows of every table and view of an open generation, for the publication's report.

    Returns:
        Number of rows by name of the table or view.
    """
    return {
        name: one_value(connection, int, f"SELECT count(*) FROM {name}") or 0  # noqa: S608
        for name in contract.names
    }


def schema_of(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str, bool]]]:
    """Read the columns of an open generation, to compare them with the contract.

    Returns:
        By name of the table or view: for each column, in the order of the file, its name, its
        DuckDB type, and whether it may be NULL.
    """
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for table, name, data_type, is_nullable in connection.execute(
        """
        SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()
        WHERE NOT internal ORDER BY table_name, column_index
        """
    ).fetchall():
        found.setdefault(table, []).append((name, data_type, is_nullable))
    return found


def _shape_faults(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Iterator[str]:
    """Yield a message for each table, view or macro that differs from the contract.

    A difference is a missing table, view or macro, one that is not in the contract, or columns with
    other names, types or order. In a table, it is also a column that may be NULL only in the file
    or only in the contract.
    """
    found = schema_of(connection)
    views = {view.name for view in contract.views}
    for name in contract.names:
        if name not in found:
            yield f"{name} is missing"
            continue
        # DuckDB reports every column of a view as nullable
        expected = [
            (column.name, column.type, name in views or column.nullable)
            for column in contract.columns_of(name)
        ]
        if found[name] != expected:
            yield f"{name} has the columns {found[name]}, expected {expected}"
    for name in found.keys() - set(contract.names):
        yield f"{name} is not in the contract"
    macros = "SELECT function_name FROM duckdb_functions() WHERE NOT internal"
    found_macros = {name for (name,) in connection.execute(macros).fetchall()}
    for name in macros_sql(contract.quantile_views).keys() ^ found_macros:
        yield f"the macro {name} is {'not in the contract' if name in found_macros else 'missing'}"


def _table_faults(
    connection: duckdb.DuckDBPyConnection, table: Table, expected_rows: int
) -> Iterator[str]:
    """Yield a message for each fault of one table.

    Faults are a wrong number of rows, numbers that are not finite, and a key that occurs twice.

    Args:
        connection: Connection to the generation.
        table: Definition of the table in the contract.
        expected_rows: Number of rows in the source table from which the rows were copied.
    """
    numbers = [column.name for column in table.columns if column.type == "DOUBLE"]
    counted = ["count(*)", *(f'count(*) FILTER (NOT isfinite("{name}"))' for name in numbers)]
    (row,) = connection.execute(f"SELECT {', '.join(counted)} FROM {table.name}").fetchall()  # noqa: S608
    rows, *bad_rows = row
    if rows != expected_rows:
        yield f"{table.name} has {rows:,} rows, its source {expected_rows:,}"
    for name, bad in zip(numbers, bad_rows, strict=True):
        if bad:
            yield f"{table.name}.{name} is not a finite number in {bad:,} rows"
    if table.key:
        key = ", ".join(table.key)
        twice = connection.execute(
            f"SELECT {key}, count(*) FROM {table.name} GROUP BY {key} "  # noqa: S608
            "HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        ).fetchall()
        for *values, times in twice:
            where = ", ".join(
                f"{name} = {value}" for name, value in zip(table.key, values, strict=True)
            )
            yield f"{table.name} has {times} rows of the key {where}, expected one"


def _row_faults(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield a message for each rule that rows of forecasts or totals break.

    The rules, for example that bounds are in order, are in `_ROW_FAULTS`. The message says how many
    rows break the rule, and names the first of these rows.
    """
    for table, (name, order, faults) in _ROW_FAULTS.items():
        for fault, condition in faults.items():
            found = connection.execute(
                f"SELECT count(*) OVER (), {name} FROM {table} WHERE {condition} "  # noqa: S608 - the constants above
                f"ORDER BY {order} LIMIT 1"
            ).fetchall()
            for rows, first in found:
                yield f"{table}: {rows:,} rows of which each {fault}, first {first}"


def _gaps_in_newest_origin(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield a message for each gap in the newest origin's forecasts.

    Gaps are a store without a forecast for every day of the horizon (at most three are named), and
    a number of stores that differs from ``forecast_runs.stores`` of the origin's newest run.
    """
    for store_id, days, horizon_days in connection.execute(
        """
        SELECT store_id, count(DISTINCT target_date), any_value(g.horizon_days)
        FROM latest_forecasts CROSS JOIN generation_info AS g
        GROUP BY store_id HAVING count(DISTINCT target_date) <> any_value(g.horizon_days)
        ORDER BY store_id LIMIT 3
        """
    ).fetchall():
        yield f"latest_forecasts: store {store_id} has {days} days, expected {horizon_days}"
    counted = connection.execute(
        """
        SELECT count(DISTINCT store_id), (
            SELECT stores FROM forecast_runs WHERE forecast_origin = g.forecast_origin
            ORDER BY finished_at DESC LIMIT 1
        )
        FROM generation_info AS g LEFT JOIN latest_forecasts AS f
            ON f.forecast_origin = g.forecast_origin
        GROUP BY g.forecast_origin
        """
    ).fetchall()
    for found, expected in counted:
        if found != expected:
            yield f"latest_forecasts: {found} stores, the run forecast {expected}"


def _totals_unlike_days(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield a message if an origin's weekly chain totals do not add up to its daily forecasts.

    If several origins have this fault, only the newest is named. Daily forecasts are rounded to
    0.0001 EUR before they are added to the weekly totals, so small differences are normal. The
    tolerance, one cent plus a millionth of the sum, is far above them, and far below the forecast
    of one lost store-day.
    """
    unlike = connection.execute(
        """
        WITH days AS (
            SELECT forecast_origin, sum(sales_forecast) AS total
            FROM forecasts GROUP BY ALL
        ), weeks AS (
            SELECT forecast_origin, sum(sales_forecast) AS total
            FROM forecast_totals WHERE level = 'chain' GROUP BY ALL
        )
        SELECT forecast_origin, days.total, coalesce(weeks.total, 0)
        FROM days LEFT JOIN weeks USING (forecast_origin)
        WHERE abs(days.total - coalesce(weeks.total, 0)) > 1e-6 * days.total + 0.01
        ORDER BY 1 DESC LIMIT 1
        """
    ).fetchall()
    for origin, days, weeks in unlike:
        yield (
            f"forecast_totals: the chain's weeks of origin {origin} add up to {weeks:,.2f}, "
            f"its days to {days:,.2f}; build the marts again"
        )
