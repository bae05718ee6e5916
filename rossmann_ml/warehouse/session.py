"""Share settings, parameters, the writer's lock and one connection among the steps of a job.

A step receives a :class:`Session` and starts with ``with session.writing() as connection``. If the
step runs alone, the session takes the lock and opens the database. If the step runs inside a job's
``session.writing()``, it gets the job's connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse import versions as fingerprints
from rossmann_ml.warehouse.connection import connect, writer_lock
from rossmann_ml.warehouse.versions import Versions


class Session:
    """Settings, parameters and database connection of a job or command; not thread-safe.

    Args:
        settings: Paths of files and warehouse, and limits of the machine.
        params: All parameters; None to read them from ``settings.params_path`` at first use.
        progress: Function that long work calls with lines of text about its progress, one at a
            time; by default, the lines are ignored.
    """

    def __init__(
        self, settings: Settings, params: Params | None = None, *, progress: Progress = silent
    ) -> None:
        self.settings = settings
        self.progress = progress
        self._params = params
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._blocks = 0  # nested blocks that hold the writer's lock

    @property
    def params(self) -> Params:
        """All parameters: the given ones, else read from ``settings.params_path`` at first use."""
        if self._params is None:
            self._params = load_params(self.settings.params_path)
        return self._params

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the writer's lock for a block that may open the database later, or not at all.

        A connection that is opened inside the block stays open until the block ends.

        Raises:
            BusyError: Another process is writing.
        """
        with writer_lock(self.settings):
            self._blocks += 1
            try:
                yield
            finally:
                self._blocks -= 1
                if not self._blocks:
                    self._close()

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the writer's lock for a block, and yield a writable connection.

        A block inside another one gets the same connection.

        Raises:
            BusyError: Another process is writing.
            FaultError: See :func:`rossmann_ml.warehouse.connection.connect`.
        """
        with self.holding():
            if self._connection is None:
                self._connection = connect(self.settings)
            yield self._connection

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection for reading, without taking the writer's lock.

        This is the job's writable connection if it is open, else a new read-only connection.

        Raises:
            NoDataError: There is no database yet.
            BusyError: Another process is writing.
        """
        if self._connection is not None:
            yield self._connection
            return
        with connect(self.settings, read_only=True) as connection:
            yield connection

    @contextmanager
    def released(self) -> Iterator[None]:
        """Close the connection for a block, so that another process (dbt) can open the database.

        A writer's lock that the session holds stays held, so that no other job starts to write.
        Connections that :meth:`writing` yielded before the block cannot be used after it; call
        :meth:`writing` again for a new one.
        """
        self._close()
        yield

    def _close(self) -> None:
        """Close the job's connection to the database if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def versions(self, connection: duckdb.DuckDBPyConnection) -> Versions:
        """Return the current fingerprints of data and code, to be stored with a result."""
        home = self.settings.home
        return Versions(
            fingerprints.data_version(connection),
            fingerprints.code_version(home),
            fingerprints.git_commit(home),
        )
