"""Create the warehouse's tables, and migrate a warehouse of an older schema version.

Entry point: :func:`create_tables`. SQL scripts in ``warehouse/ddl`` create the current tables.
Numbered scripts in ``warehouse/migrations`` change tables of older versions; the highest number is
the current schema version, or 1 if there is no script. dbt creates its own tables.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import SchemaError
from rossmann_ml.base.settings import PROJECT_DIR

DDL_DIR = PROJECT_DIR / "warehouse" / "ddl"
MIGRATIONS_DIR = PROJECT_DIR / "warehouse" / "migrations"
BASELINE_VERSION = 1

_LOG = logging.getLogger(__name__)


def newest_version() -> int:
    """Return the schema version that this code writes and reads, the highest one it knows."""
    return max(_migrations(), default=BASELINE_VERSION)


def schema_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the schema version of a database; None before its tables were created."""
    try:
        ((version,),) = connection.execute(
            "SELECT max(version) FROM meta.schema_versions"
        ).fetchall()
    except duckdb.CatalogException:
        return None
    return None if version is None else int(version)


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the missing tables that Python code writes, and migrate tables of an older version.

    Raises:
        SchemaError: A later version of the product wrote the database.
    """
    version = schema_version(connection)
    refuse_later_version(version)
    for script in sorted(DDL_DIR.glob("*.sql")):
        connection.execute(script.read_text(encoding="utf-8"))
    if version is None:
        _record(connection, newest_version(), "")
    elif version < newest_version():
        _migrate(connection, version)


def is_outdated(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the database has an older schema version, so that it must be migrated.

    A database in which :func:`create_tables` has not run yet is not outdated.

    Raises:
        SchemaError: A later version of the product wrote the database.
    """
    version = schema_version(connection)
    refuse_later_version(version)
    return version is not None and version < newest_version()


def refuse_later_version(version: int | None) -> None:
    """Check that a database was not written by a later version of the product.

    Args:
        version: Schema version of the database; None for a database without tables, which passes.

    Raises:
        SchemaError: The version is higher than :func:`newest_version`.
    """
    if version is not None and version > newest_version():
        raise SchemaError(
            f"the warehouse has schema version {version}, this code supports {newest_version()}: "
            "a later version of the product wrote it. Use that version, or restore a backup made "
            "before the change"
        )


def _migrations() -> dict[int, Path]:
    """Return the migration scripts by the schema version that each one leads to, oldest first."""
    return {int(path.name[:4]): path for path in sorted(MIGRATIONS_DIR.glob("[0-9]*.sql"))}


def _migrate(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Run the migration scripts with numbers above `version`, in one transaction.

    If a script fails, the tables stay as they were.
    """
    connection.begin()  # an error closes the connection, which rolls back
    for number, script in _migrations().items():
        if number > version:
            connection.execute(script.read_text(encoding="utf-8"))
            _record(connection, number, script.name)
    connection.commit()
    # a warning, because commands show only that level and above
    _LOG.warning(
        "the warehouse was migrated from schema version %d to %d", version, newest_version()
    )


def _record(connection: duckdb.DuckDBPyConnection, version: int, script: str) -> None:
    """Write the schema version that the database has now to ``meta.schema_versions``.

    Args:
        connection: Writing connection to the database.
        version: The schema version.
        script: Name of the migration script; empty if ``warehouse/ddl`` created all tables.
    """
    connection.execute(
        "INSERT INTO meta.schema_versions VALUES (?, ?, ?)",
        [version, script, datetime.now(UTC).replace(tzinfo=None)],
    )
