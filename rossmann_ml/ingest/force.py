"""Keep in the raw tables only rows that are in force, so that any query of them is right.

Rows of replaced or withdrawn files, and rows that a file of a newer day had before, move to the
tables ``raw.former_*`` and come back when they are in force again. Entry point: :func:`settle`.
"""

from __future__ import annotations

import duckdb

from rossmann_ml.warehouse.tables import raw


def settle(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Move rows between a raw table and its table of former rows, by the marks of their loads.

    A row is in force if its load is, and if no earlier load of a newer file day has its key. Then
    the row with the greatest ``load_id`` is the newest version of its key.

    Args:
        connection: Writing connection inside a transaction.
        table: A key of :data:`rossmann_ml.warehouse.tables.raw.KEYS`.
    """
    key, former = raw.KEYS[table], table.replace("raw.", "raw.former_")
    # of a replaced whole file the days before the new edition's first day stay in force
    before = "OR landed.date < loads.replaced_from" if "date" in key else ""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE moved AS
        WITH landed AS (
            SELECT *, false AS is_former FROM {table}
            UNION ALL BY NAME
            SELECT *, true AS is_former FROM {former}
        ),
        marked AS (
            SELECT landed.*, loads.file_date, loads.withdrawn_on IS NULL {before} AS is_valid
            FROM landed JOIN raw.loads AS loads USING (load_id)
        ),
        judged AS (
            SELECT load_id, {key}, is_former, coalesce(is_valid, false) AND coalesce(
                max(file_date) FILTER (is_valid) OVER (
                    PARTITION BY {key} ORDER BY load_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) <= file_date, true
            ) AS is_in_force
            FROM marked
        )
        SELECT * FROM judged WHERE is_former = is_in_force
        """  # noqa: S608 - names from KEYS
    )
    for source, target, is_former in ((table, former, "false"), (former, table, "true")):
        moving = f"(FROM moved WHERE is_former = {is_former}) AS moving USING (load_id, {key})"
        connection.execute(f"INSERT INTO {target} BY NAME FROM {source} SEMI JOIN {moving}")
    for source, is_former in ((table, "false"), (former, "true")):
        same = " AND ".join(
            f"{source}.{name} = moved.{name}" for name in f"load_id, {key}".split(", ")
        )
        query = f"DELETE FROM {source} USING moved WHERE is_former = {is_former} AND {same}"  # noqa: S608
        connection.execute(query)
    connection.execute("DROP TABLE moved")
