"""Share settings, parameters, the writer's lock and one connection among the steps of a job.

A step receives a :class:`Session` and starts with ``with session.writing() as connection``. Called
alone, the step takes the lock and opens the database. Called inside a job's ``session.writing()``,
it uses the job's lock and connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.connection import connect, open_database, writer_lock
from rossmann_ml.warehouse.versions import Versions, versions_now


@dataclass
class _Open:
    """State of the connection, shared by a session and the copies made by `telling`.

    Attributes:
        connection: Open connection; None while closed.
        blocks: Number of nested blocks that hold the writer's lock.
    """

    connection: duckdb.DuckDBPyConnection | None = None
    blocks: int = 0

    def close(self) -> None:
        """Close the connection if it is open."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Session:
    """Settings, parameters and database connection of a job or command; not thread-safe.

    Attributes:
        settings: Paths of files and warehouse, and limits of the machine.
        progress: Function that is called with one line of text per step of long work.
    """

    def __init__(
        self, settings: Settings, params: Params | None = None, *, progress: Progress = silent
    ) -> None:
        """Create a session without opening or locking the database.

        Args:
            settings: Locations of files and warehouse, and limits of the machine.
            params: All parameters; by default read from ``settings.params_path`` at first use.
            progress: Function that is called with one line of text per step of long work.
        """
        self.settings = settings
        self.progress = progress
        self._params = params
        self._open = _Open()

    @property
    def params(self) -> Params:
        """All parameters of ``params.yaml``."""
        if self._params is None:
            self._params = load_params(self.settings.params_path)
        return self._params

    def telling(self, progress: Progress) -> Session:
        """Return a session that shares this connection and calls another progress function."""
        other = Session(self.settings, self._params, progress=progress)
        other._open = self._open
        return other

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the writer's lock for a block; a step's connection stays open until its end.

        Raises:
            BusyError: Another process is writing.
        """
        with writer_lock(self.settings):
            self._open.blocks += 1
            try:
                yield
            finally:
                self._open.blocks -= 1
                if not self._open.blocks:
                    self._open.close()

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a writable connection and hold the writer's lock; nested blocks share both.

        Raises:
            BusyError: Another process is writing.
            FaultError: See :func:`rossmann_ml.warehouse.connection.open_database`.
        """
        with self.holding():
            if self._open.connection is None:
                self._open.connection = open_database(self.settings)
            yield self._open.connection

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection without the lock: the job's open connection, else a new read-only one.

        Raises:
            NoDataError: There is no database yet.
            BusyError: Another process is writing.
        """
        if self._open.connection is not None:
            yield self._open.connection
            return
        with connect(self.settings, read_only=True) as connection:
            yield connection

    @contextmanager
    def released(self) -> Iterator[None]:
        """Close the connection for a block in which another process writes, such as dbt.

        A connection from before the block stays closed: call :meth:`writing` again.
        """
        self._open.close()
        yield

    def versions(self, connection: duckdb.DuckDBPyConnection) -> Versions:
        """Return the current fingerprints of data and code."""
        return versions_now(connection, self.settings)
