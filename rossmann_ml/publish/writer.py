"""Write the file of a generation: copy the contract's tables from the warehouse, sorted.

Entry point: :func:`write_generation`. ``contract.yaml`` defines the tables;
:mod:`rossmann_ml.publish.audit` decides whether the file may be served.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import PublishError
from rossmann_ml.publish.identity import Draft
from rossmann_ml.serving.contract import STORAGE_VERSION, Column, Contract, Table
from rossmann_ml.warehouse import connection as warehouse

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT"}
_INTEGERS |= {"UINTEGER", "UBIGINT", "UHUGEINT"}


def write_generation(
    connection: duckdb.DuckDBPyConnection, path: Path, *, contract: Contract, draft: Draft
) -> dict[str, int]:
    """Write the contract's tables and views from the warehouse into a new file.

    Args:
        connection: Connection to the pipeline's database.
        path: Path of the new file, with a hidden name; an existing file is replaced.
        contract: Tables and views to write.
        draft: Draft of the generation.

    Returns:
        Number of source rows by table, which the audit compares with the file.

    Raises:
        PublishError: A source table or column is missing, has another type, or holds a value
            that the contract forbids.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    files.remove(path)
    files.remove(path.with_name(f"{path.name}.wal"))
    rows: dict[str, int] = {}
    with _attached(connection, path):
        with warehouse.transaction(connection):  # one commit is faster than one per statement
            for table in contract.tables:
                _create(connection, table)
                if table.source == "generation":
                    rows[table.name] = _write_info(connection, draft)
                else:
                    rows[table.name] = _copy(connection, table, draft)
            _create_views(connection, contract)
        connection.execute("CHECKPOINT generation")
    return rows


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """Attach a new file as database ``generation`` for a block."""
    quoted = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS generation (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        yield
    finally:
        connection.execute("DETACH generation")


def _create(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create an empty table with the contract's columns and descriptions."""
    columns = ", ".join(
        f'"{column.name}" {column.type}{"" if column.nullable else " NOT NULL"}'
        for column in table.columns
    )
    connection.execute(f"CREATE TABLE generation.{table.name} ({columns})")
    # SQL tools show these comments to people who open the file
    connection.execute(f"COMMENT ON TABLE generation.{table.name} IS {_text(table.meaning)}")
    for column in table.columns:
        name = f'generation.{table.name}."{column.name}"'
        connection.execute(f"COMMENT ON COLUMN {name} IS {_text(_comment(column))}")


def _text(value: str) -> str:
    """Quote a text as a SQL literal."""
    return "'" + value.strip().replace("'", "''") + "'"


def _comment(column: Column) -> str:
    """Return a column's description with its unit."""
    return f"{column.meaning} [{column.unit}]" if column.unit else column.meaning


def _copy(connection: duckdb.DuckDBPyConnection, table: Table, draft: Draft) -> int:
    """Copy a source table's rows, sorted, and return how many rows the source has."""
    _check_source(connection, table)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    order = ", ".join(f'"{name}"' for name in table.order_by)
    condition, values = "true", []
    if table.is_vintage:
        condition, values = "forecast_origin >= ?", [draft.oldest_origin]
    rows = connection.execute(
        f"SELECT count(*) FROM {table.source} WHERE {condition}",  # noqa: S608 - contract's names
        values,
    ).fetchone()
    try:
        connection.execute(
            f"INSERT INTO generation.{table.name} SELECT {names} FROM {table.source} "  # noqa: S608
            f"WHERE {condition} ORDER BY {order}",
            values,
        )
    except (duckdb.ConstraintException, duckdb.ConversionException) as error:
        raise PublishError(
            f"{table.source} cannot be published as {table.name}: {str(error).splitlines()[0]}"
        ) from error
    return int(rows[0]) if rows else 0


def _check_source(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Raise `PublishError` if a source column is missing or would lose values in a cast."""
    schema, name = table.source.split(".")
    found: dict[str, str] = dict(
        connection.execute(
            """
            SELECT column_name, data_type FROM duckdb_columns()
            WHERE database_name = current_database() AND schema_name = ? AND table_name = ?
            """,
            [schema, name],
        ).fetchall()
    )
    if not found:
        raise PublishError(
            f"the warehouse has no table {table.source}, from which {table.name} is published: "
            "run `rossmann refresh`"
        )
    for column in table.columns:
        type_found = found.get(column.name)
        if type_found is None:
            raise PublishError(
                f"{table.source} has no column {column.name}; expected {column.type}, "
                f"found the columns {', '.join(found)}"
            )
        if not _fits(type_found, column.type):
            raise PublishError(
                f"{table.source}.{column.name} is {type_found}; expected {column.type}"
            )


def _fits(found: str, expected: str) -> bool:
    """Return whether values of the found type fit the expected type without loss."""
    if expected in {"INTEGER", "BIGINT"}:
        return found in _INTEGERS
    if expected == "DOUBLE":
        return found in _INTEGERS | {"DOUBLE", "FLOAT"} or found.startswith("DECIMAL")
    return found == expected


def _write_info(connection: duckdb.DuckDBPyConnection, draft: Draft) -> int:
    """Write the row of ``generation_info`` and return the number of rows, 1."""
    row = draft.info.as_row()
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    connection.execute(
        f"INSERT INTO generation.generation_info ({names}) VALUES ({marks})",  # noqa: S608
        list(row.values()),
    )
    return 1


def _create_views(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Create the contract's views with their descriptions."""
    before = connection.execute("SELECT current_database(), current_schema()").fetchone()
    # a view stores the database name it was created with, and readers attach the file under
    # another name; `USE` keeps the name out of the view
    connection.execute("USE generation.main")
    try:
        for view in contract.views:
            names = ", ".join(f'"{column.name}"' for column in contract.columns_of(view.name))
            connection.execute(
                f"CREATE VIEW {view.name} AS SELECT {names} FROM {view.table} "  # noqa: S608
                f"WHERE {view.where}"
            )
            connection.execute(f"COMMENT ON VIEW {view.name} IS {_text(view.meaning)}")
    finally:
        if before:
            connection.execute(f'USE "{before[0]}"."{before[1]}"')
