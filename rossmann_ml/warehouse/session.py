"""The session that the steps of a job or command share: settings, parameters and one connection.

A step takes a :class:`Session` and begins with ``with session.writing() as connection``. Called
alone, it takes the writer's lock and opens the database for itself; called by a job that is inside
``session.writing()`` it uses what the job holds. Queries do not belong here.
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
    """The connection that is open now, and how many blocks use it."""

    connection: duckdb.DuckDBPyConnection | None = None
    blocks: int = 0

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Session:
    """What a job or a command works with; not for several threads.

    Attributes:
        settings: Locations of files and warehouse, and limits of the machine.
        progress: Function that is called with one line for each step of long work.
    """

    def __init__(
        self, settings: Settings, params: Params | None = None, *, progress: Progress = silent
    ) -> None:
        """Make a session; nothing is opened or locked yet.

        Args:
            settings: Locations and limits.
            params: All parameters; by default those of ``settings.params_path``.
            progress: Function that is called with one line for each step of long work.
        """
        self.settings = settings
        self.progress = progress
        self._params = params
        self._open = _Open()

    @property
    def params(self) -> Params:
        """All parameters."""
        if self._params is None:
            self._params = load_params(self.settings.params_path)
        return self._params

    def telling(self, progress: Progress) -> Session:
        """Return a session that shares the connection and reports to another function."""
        other = Session(self.settings, self._params, progress=progress)
        other._open = self._open
        return other

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the writer's lock for a job; a connection that a step opens stays open until then.

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
        """Hold the writer's lock and an open connection; blocks within blocks share both.

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
        """Hold an open connection without the lock: read-only, or the one that a job has open.

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

        A connection taken before the block is closed after it: take it again by
        :meth:`writing`.
        """
        self._open.close()
        yield

    def versions(self, connection: duckdb.DuckDBPyConnection) -> Versions:
        """Return the fingerprints of data and code as they are now."""
        return versions_now(connection, self.settings)
