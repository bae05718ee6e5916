"""Read DuckDB files whole, because a damaged block is noticed only when it is read.

Entry points: :func:`require_readable` reads all rows, :func:`require_usable_keys` all indexes.
DuckDB compares each block that it reads with the checksum in it.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from rossmann_ml.base.errors import DamagedError
from rossmann_ml.base.storage_faults import fault_of


def require_readable(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Read every row of an open database, to find out whether its file is whole.

    Args:
        connection: Connection to the database.
        path: File of the database, for the message.

    Raises:
        DamagedError: DuckDB cannot read a table; the message names it.
    """
    tables = "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT (internal OR temporary)"
    for schema, table in _rows(connection, tables, path):
        query = f"SELECT bit_xor(hash(t)) FROM {_quoted(schema, table)} AS t"  # noqa: S608 - quoted
        _rows(connection, query, path, f"; found in the table {schema}.{table}")


def require_usable_keys(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Empty every table with a primary key, which reads its index; only for a copy of a database.

    Args:
        connection: Writable connection to a copy that is deleted afterwards.
        path: File of the copy, for the message.

    Raises:
        DamagedError: DuckDB cannot read an index; the message names its table.
    """
    tables = (
        "SELECT schema_name, table_name FROM duckdb_constraints() "
        "WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE')"
    )
    for schema, table in _rows(connection, tables, path):
        statement = f"DELETE FROM {_quoted(schema, table)}"  # noqa: S608 - quoted
        _rows(connection, statement, path, f"; found in the index of {schema}.{table}")


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, part: str = ""
) -> list[tuple[str, str]]:
    try:
        rows: list[tuple[str, str]] = connection.execute(query).fetchall()
    except duckdb.Error as error:
        fault = fault_of(error, path)
        if isinstance(fault, DamagedError):  # and not, for example, too little memory
            fault = DamagedError(f"{fault}{part}")
        raise fault or error from error
    return rows


def _quoted(schema: str, table: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))
