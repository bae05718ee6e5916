"""Open the pipeline's private database, and hold the lock that admits one writing process.

Entry points: :func:`connect`, :func:`writer_lock`, :func:`transaction`, and helpers for queries.
Tables are declared in ``warehouse/ddl``. Readers of forecasts open a published generation instead;
see :mod:`rossmann_ml.serving`.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import filelock
import polars as pl

from rossmann_ml.base import files
from rossmann_ml.base.errors import BusyError, DamagedError, FaultError, NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_of
from rossmann_ml.warehouse.schema import create_tables, is_outdated

Value = TypeVar("Value")

RESTORE_MARK = "exchanging"


def connect(settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the pipeline's database; the caller closes it, for example by a ``with`` block.

    Tables of an older schema version are migrated. Opening for writing also creates missing tables
    of ``warehouse/ddl``. Close the connection before dbt runs, because dbt is another process and
    DuckDB admits only one process while one writes.

    Args:
        settings: Settings with the database path and DuckDB's limits on threads and memory.
        read_only: Whether to open the database read-only. If its schema version is older, it is
            first opened for writing and migrated, and then opened again read-only.

    Raises:
        NoDataError: ``read_only`` and there is no database yet.
        SchemaError: A later version of the product wrote the database.
        FaultError: The file is not a database, or a restore was interrupted.
        BusyError: Another process has the database open, and one of the two processes writes.
    """
    refuse_half_restored(settings)
    if read_only:
        require_database(settings)
    settings.database_path.parent.mkdir(parents=True, exist_ok=True)
    connection = open_as_it_is(settings, read_only=read_only)
    try:
        if not read_only:
            create_tables(connection)
        elif is_outdated(connection):
            connection.close()
            connect(settings).close()
            connection = open_as_it_is(settings)
    except BaseException:
        connection.close()
        raise
    return connection


def require_database(settings: Settings) -> None:
    """Check that the pipeline's database exists, because opening it for writing would create it.

    Raises:
        NoDataError: There is no database yet.
    """
    if not settings.database_path.exists():
        raise NoDataError(
            f"{settings.database_path} is not there yet: run `rossmann refresh` first"
        )


def refuse_half_restored(settings: Settings) -> None:
    """Check that no restore stopped halfway, because some files would be old and some restored.

    Raises:
        FaultError: A restore was interrupted while it replaced the files.
    """
    if (settings.restore_path / RESTORE_MARK).exists():
        raise FaultError(
            f"a restore into {settings.warehouse_path} was interrupted; `rossmann doctor --fix` "
            "puts back what was there before it"
        )


def open_as_it_is(settings: Settings, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open the database without creating or migrating tables, for example to examine it.

    The caller closes the connection.

    Args:
        settings: Settings with the database path and DuckDB's limits.
        read_only: Whether to open the database read-only.

    Raises:
        DamagedError: The file is not a DuckDB database.
        FaultError: It, or its log, is no plain file.
        ForbiddenError: This user may not read or write the file.
        BusyError: Another process has the database open, and one of the two processes writes.
    """
    path = settings.database_path
    for each in (path, path.with_name(f"{path.name}.wal")):
        files.require_plain(each)
    try:
        return duckdb.connect(
            str(path),
            read_only=read_only,
            config={
                "threads": settings.threads,
                "memory_limit": f"{settings.memory_limit_gb}GB",
                "autoinstall_known_extensions": False,
            },
        )
    except duckdb.Error as error:
        fault = fault_of(error, path)
        if isinstance(fault, BusyError):
            advice = "; to only read, use the published generation: `rossmann sql`"
        elif isinstance(fault, DamagedError):
            advice = "; `rossmann restore` a backup; published generations do not depend on it"
        elif fault is None:
            raise
        else:
            raise fault from error
        raise type(fault)(f"{fault}{advice}") from error


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Run a ``with`` block in a transaction: commit at its end, roll back if it raises.

    Yields:
        The given connection.
    """
    connection.execute("BEGIN")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def utc_now() -> datetime:
    """Return the current UTC time without a time zone, as the TIMESTAMP columns store it."""
    return datetime.now(UTC).replace(tzinfo=None)


def one_row(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: object = None
) -> tuple[Any, ...] | None:
    """Return the first row of a query; None if it returns no row."""
    # fetchall, because unread rows would block the connection's next query
    rows = connection.execute(query, parameters).fetchall()
    return rows[0] if rows else None


def one_value(
    connection: duckdb.DuckDBPyConnection, kind: type[Value], query: str, parameters: object = None
) -> Value | None:
    """Return the first column of a query's first row; None without a row, or for a null.

    Args:
        connection: Connection to any DuckDB database.
        kind: Expected type of the value.
        query: SQL query.
        parameters: Values of the query's placeholders.

    Raises:
        TypeError: The value is of another type.
    """
    row = one_row(connection, query, parameters)
    value = None if row is None else row[0]
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{query}: found {value!r}, expected {kind.__name__}")
    return value


def read_frame(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: object = None
) -> pl.DataFrame:
    """Return the rows of a query as a polars frame."""
    frame: pl.DataFrame = connection.sql(query, params=parameters).pl()
    return frame


def append_frame(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    frame: pl.DataFrame,  # noqa: ARG001 - DuckDB reads the variable
) -> None:
    """Append the rows of a frame to a table; columns are matched by name.

    Columns of the table that the frame lacks get their default value.

    Args:
        connection: Writing connection to the database.
        table: Name of the table with its schema.
        frame: Rows to append; every column must exist in the table.
    """
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")  # noqa: S608 - table names come from the code


def owner_path(settings: Settings) -> Path:
    """Return the path of the file that names the process which holds the writer's lock."""
    return settings.lock_path.with_name(f"{settings.lock_path.name}.owner")


def lock_owner(settings: Settings) -> str | None:
    """Return the process that holds the writer's lock; None if the lock is free.

    Returns:
        JSON text with the process id and the time at which it took the lock, such as
        ``{"pid": 7, "since": "2015-08-03T06:00:00+00:00"}``; ``unknown`` if the holder has not
        written it.
    """
    path = settings.lock_path.resolve()
    if not path.parent.is_dir():
        return None
    try:
        with (
            filelock.FileLock(path, blocking=False) if path.exists() else nullcontext(),
            _locked_folder(path.parent),
        ):
            return None
    except (filelock.Timeout, BlockingIOError):
        return _holder(settings)


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    """Lock the warehouse's folder for a block, because the lock's file may be deleted meanwhile.

    Raises:
        BlockingIOError: Another process has locked it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # some network file systems lock files only
            pass
        yield
    finally:
        os.close(handle)


def _holder(settings: Settings) -> str:
    """Return who holds the writer's lock, as JSON text; ``unknown`` if there is no note."""
    owner = owner_path(settings)
    return files.read_small(owner).decode(errors="replace") if owner.exists() else "unknown"


@contextmanager
def writer_lock(settings: Settings) -> Iterator[None]:
    """Hold the writer's lock for a block, so that no other process writes meanwhile.

    A process that already holds the lock may enter further blocks. The operating system releases
    the lock when the process dies in any way. Deleting the lock's file does not release it, because
    the folder is locked too.

    Raises:
        BusyError: Another process still holds the lock after ``lock_timeout_seconds``; the message
            names the process and the time at which it took the lock.
    """
    path = settings.lock_path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, thread_local=False, is_singleton=True)
    owner = owner_path(settings)
    with ExitStack() as held:
        try:
            lock.acquire(timeout=settings.lock_timeout_seconds)
            held.callback(lock.release)
            if lock.lock_counter == 1:
                held.enter_context(_locked_folder(path.parent))
        except (filelock.Timeout, BlockingIOError) as error:
            raise BusyError(
                f"another process is writing: {_holder(settings)}. Its lock is {path}; retry when "
                "it is done"
            ) from error
        if lock.lock_counter == 1:
            me = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
            held.callback(owner.unlink, missing_ok=True)
            owner.unlink(missing_ok=True)  # whatever is there: writing to a pipe would wait
            owner.write_text(json.dumps(me), encoding="utf-8")
        yield


def count_rows(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str]
) -> dict[str, int | None]:
    """Return the number of rows by the name of a table or view; None if it does not exist."""
    rows: dict[str, int | None] = {}
    for table in tables:
        try:
            found = one_row(connection, f"SELECT count(*) FROM {table}")  # noqa: S608 - names come from the code
        except duckdb.CatalogException:
            found = None
        rows[table] = int(found[0]) if found else None
    return rows
