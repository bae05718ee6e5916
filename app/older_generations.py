"""Generations that an earlier version of the product published.

Columns are added from version to version, never renamed. One that may be NULL, and that a file
lacks, is NULL in every answer, so that going back to an older generation after an upgrade breaks no
reader. Tables and other columns that it lacks are left to those who ask.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import open_generation


def open_completed(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a generation to read, with every column that may be NULL in the tables that it has.

    Raises:
        duckdb.Error: The file is not there or is not a DuckDB database.
    """
    connection = open_generation(path)
    missing = _missing_columns(connection)
    if not missing:
        return connection
    names = [name for (name,) in connection.execute("SHOW TABLES").fetchall()]
    connection.close()
    return _with_views(path, names, missing)


def _missing_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Type by name of the columns that may be NULL and that each table and view lacks."""
    contract = load_contract()
    held: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
    ).fetchall():
        held.setdefault(table, set()).add(column)
    lacking: dict[str, dict[str, str]] = {
        name: {
            column.name: column.type
            for column in contract.columns_of(name)
            if column.nullable and column.name not in held[name]
        }
        for name in contract.names
        if name in held
    }
    return {name: columns for name, columns in lacking.items() if columns}


def _with_views(
    path: Path, names: list[str], missing: dict[str, dict[str, str]]
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"autoload_known_extensions": False})
    try:
        escaped = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{escaped}' AS generation (READ_ONLY)")
        for name in names:
            added = "".join(
                f', NULL::{kind} AS "{column}"' for column, kind in missing.get(name, {}).items()
            )
            connection.execute(f'CREATE VIEW "{name}" AS SELECT *{added} FROM generation."{name}"')  # noqa: S608 - names of tables
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection
