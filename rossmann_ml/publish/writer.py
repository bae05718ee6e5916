"""Write the file of a generation: copy the contract's tables from the warehouse, sorted.

Entry point: :func:`write_generation`. ``contract.yaml`` defines the tables;
:mod:`rossmann_ml.publish.audit` decides whether the file may be served.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base import files
from rossmann_ml.base.errors import PublishError
from rossmann_ml.publish.identity import Draft
from rossmann_ml.serving.contract import STORAGE_VERSION, Column, Contract, Table
from rossmann_ml.serving.quantiles import macros_sql, view_sql
from rossmann_ml.warehouse import connection as warehouse

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT"}
_INTEGERS |= {"UINTEGER", "UBIGINT", "UHUGEINT"}


def write_generation(
    connection: duckdb.DuckDBPyConnection, path: Path, *, contract: Contract, draft: Draft
) -> dict[str, int]:
    """Write the contract's tables and views from the warehouse into a new file.

    Args:
        connection: Connection to the pipeline's database.
        path: Path of the new file; an existing file is replaced. Pass a name from
            :func:`~rossmann_ml.base.files.temporary_name`, which readers ignore, because the file
            is not audited yet.
        contract: Tables and views to write.
        draft: Row of ``generation_info``, and the oldest origin to copy.

    Returns:
        Number of rows that each table of the new file must have, by the table's name in the
        contract, without views. The audit compares it with the number of rows in the file.

    Raises:
        PublishError: A source table or column is missing, has another type, or holds a value
            that the contract forbids.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    files.remove(path)
    files.remove(path.with_name(f"{path.name}.wal"))
    rows: dict[str, int] = {}
    quoted = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS generation (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        with warehouse.transaction(connection):  # one commit is faster than one per statement
            for table in contract.tables:
                _create(connection, table)
                if table.source == "generation":
                    info = pl.DataFrame([draft.info.as_row()])
                    warehouse.append_frame(connection, f"generation.{table.name}", info)
                    rows[table.name] = 1
                else:
                    rows[table.name] = _copy(connection, table, draft)
    finally:
        connection.execute("DETACH generation")
    # in the file itself, because a view stores the database name it was created with
    with duckdb.connect(str(path)) as generation:
        _create_views(generation, contract)
        generation.execute("CHECKPOINT")
    return rows


def _create(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create an empty table in the new file, with the columns and comments from the contract."""
    columns = ", ".join(
        f'"{column.name}" {column.type}{"" if column.nullable else " NOT NULL"}'
        for column in table.columns
    )
    connection.execute(f"CREATE TABLE generation.{table.name} ({columns})")
    # SQL tools show these comments to people who open the file
    connection.execute(f"COMMENT ON TABLE generation.{table.name} IS {_text(table.meaning)}")
    _describe(connection, f"generation.{table.name}", table.columns)


def _describe(
    connection: duckdb.DuckDBPyConnection, name: str, columns: tuple[Column, ...]
) -> None:
    """Store the meanings of the columns of a table or view as comments."""
    for column in columns:
        unit = f" [{column.unit}]" if column.unit else ""
        meaning = _text(f"{column.meaning}{unit}")
        connection.execute(f'COMMENT ON COLUMN {name}."{column.name}" IS {meaning}')


def _text(value: str) -> str:
    """Quote text as an SQL literal, for the comments on tables and columns."""
    return "'" + value.strip().replace("'", "''") + "'"


def _copy(connection: duckdb.DuckDBPyConnection, table: Table, draft: Draft) -> int:
    """Copy a source table's rows to the new file, sorted; return the number of rows to copy.

    The number is counted in the source table, so that the audit can compare the copy with it. Of a
    table with `is_vintage`, only rows from the draft's oldest origin on are copied and counted.
    """
    _check_source(connection, table)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    order = ", ".join(f'"{name}"' for name in table.order_by)
    condition, values = "true", []
    if table.is_vintage:
        condition, values = "forecast_origin >= ?", [draft.oldest_origin]
    count = f"SELECT count(*) FROM {table.source} WHERE {condition}"  # noqa: S608 - contract's names
    rows = warehouse.one_value(connection, int, count, values) or 0
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
    return rows


def _check_source(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Raise `PublishError` if the source table or a column is missing, or a type does not fit."""
    try:
        source = connection.sql(f"FROM {table.source}")
    except duckdb.CatalogException as error:
        raise PublishError(
            f"the warehouse has no table {table.source}, from which {table.name} is published: "
            "run `rossmann refresh`"
        ) from error
    found = dict(zip(source.columns, map(str, source.types), strict=True))
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
    """Return whether a source column's type may be copied into a column of the contract's type.

    Every integer type may become INTEGER or BIGINT, because the copy fails if a value is too large.
    Every number may become DOUBLE. Any other type must be equal.

    Args:
        found: DuckDB type in the source table.
        expected: DuckDB type in the contract.
    """
    if expected in {"INTEGER", "BIGINT"}:
        return found in _INTEGERS
    if expected == "DOUBLE":
        return found in _INTEGERS | {"DOUBLE", "FLOAT"} or found.startswith("DECIMAL")
    return found == expected


def _create_views(generation: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Create the contract's views and macros in the new file, with descriptions as comments."""
    for view in contract.views:
        names = ", ".join(f'"{column.name}"' for column in contract.columns_of(view.name))
        source = f"({view_sql(view.table)})" if view.has_quantiles else view.table
        generation.execute(
            f"CREATE VIEW {view.name} AS SELECT {names} FROM {source} WHERE {view.where}"  # noqa: S608
        )
        generation.execute(f"COMMENT ON VIEW {view.name} IS {_text(view.meaning)}")
        _describe(generation, view.name, contract.columns_of(view.name))
    for statement in macros_sql(contract.quantile_views).values():
        generation.execute(statement)
