"""Which form the warehouse's tables have, and bringing an older one up to today's.

``warehouse/ddl`` declares the tables as they are now and makes those that are missing; a change of
a table that is there already is a numbered script in ``warehouse/migrations``. The highest number
is the schema version: it stands in the warehouse and in every generation.
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

# What a warehouse has whose code did not write the version down yet.
UNRECORDED_VERSION = 1

_LOG = logging.getLogger(__name__)


def _scripts(folder: Path) -> dict[int, Path]:
    return {int(path.name[:4]): path for path in sorted(folder.glob("[0-9]*.sql"))}


MIGRATIONS = _scripts(MIGRATIONS_DIR)
"""The scripts by the schema version that each leads to."""

SCHEMA_VERSION = max(MIGRATIONS)
"""The version that this code writes and reads."""


def schema_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The version a database has; None when it holds no tables of the pipeline yet."""
    found = dict(
        connection.execute(
            "SELECT schema_name || '.' || table_name, 1 FROM duckdb_tables() "
            "WHERE database_name = current_database() AND schema_name IN ('meta', 'raw')"
        ).fetchall()
    )
    if "meta.schema_versions" in found:
        ((version,),) = connection.execute(
            "SELECT max(version) FROM meta.schema_versions"
        ).fetchall()
        if version is not None:
            return int(version)
    return UNRECORDED_VERSION if "raw.loads" in found else None


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that Python writes, where they are missing, and migrate older ones.

    Migrations run in one transaction: a process that dies in one leaves the former version.

    Raises:
        SchemaError: A later version of the product wrote the database.
    """
    before = schema_version(connection)
    refuse_later_version(before)
    for script in sorted(DDL_DIR.glob("*.sql")):
        connection.execute(script.read_text(encoding="utf-8"))
    if before == SCHEMA_VERSION:
        return
    connection.execute("BEGIN")
    try:
        if before is None:
            _record(connection, SCHEMA_VERSION, "")
        else:
            _migrate(connection, before)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def refuse_later_version(version: int | None) -> None:
    """Keep this code from a database whose tables it does not know.

    Raises:
        SchemaError: The version is higher than this code's.
    """
    if version is not None and version > SCHEMA_VERSION:
        raise SchemaError(
            f"the warehouse has schema version {version}, this code knows {SCHEMA_VERSION}: a "
            "later version of the product wrote it. Use that version, or restore a backup made "
            "before the change"
        )


def _migrate(connection: duckdb.DuckDBPyConnection, before: int) -> None:
    if before == UNRECORDED_VERSION:
        _record(connection, UNRECORDED_VERSION, "")
    for version, script in sorted(MIGRATIONS.items()):
        if version > before:
            connection.execute(script.read_text(encoding="utf-8"))
            _record(connection, version, script.name)
    # a warning, so that whoever started the command sees it
    _LOG.warning("the warehouse was migrated from schema version %d to %d", before, SCHEMA_VERSION)


def _record(connection: duckdb.DuckDBPyConnection, version: int, script: str) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO meta.schema_versions VALUES (?, ?, ?)",
        [version, script, datetime.now(UTC).replace(tzinfo=None)],
    )
