"""Read the current generation for API and dashboard, with one DuckDB cursor per request.

A generation's file never changes. The pointer, a file named ``CURRENT``, names the current one.
:class:`PublishedReader` checks the pointer and opens a new generation while requests still read the
old one, which it closes after their last. See :mod:`app.queries` for the queries.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError, PublishError, RossmannError
from rossmann_ml.serving.generations import (
    POINTER_NAME,
    GenerationInfo,
    current_path,
    open_generation,
    read_info,
)

_LOG = logging.getLogger(__name__)


class OpenGeneration:
    """Generation whose file is open, with a count of the requests that are reading it.

    Attributes:
        path: Path of the generation's DuckDB file.
        info: The only row of the generation's table ``generation_info``.
        prepared: Data that the ``prepare`` function of :class:`PublishedReader` computed for this
            generation; None if the reader has no such function.
        is_closed: Whether the connection to the file is closed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prepared: Any = None
        self._connection = open_generation(path)
        try:
            self.info: GenerationInfo = read_info(self._connection)
        except BaseException:
            self._connection.close()
            raise
        self._lock = threading.Lock()
        self._users = 0
        self._is_retired = False
        self.is_closed = False

    def acquire(self) -> bool:
        """Count one more request that reads the generation; return False if it is closed."""
        with self._lock:
            if not self.is_closed:
                self._users += 1
            return not self.is_closed

    def release(self) -> None:
        """Count one request less; if it was the last and the generation is retired, close it."""
        with self._lock:
            self._users -= 1
            self._close_when_idle()

    def retire(self) -> None:
        """Close the generation now if no request reads it, otherwise after the last one."""
        with self._lock:
            self._is_retired = True
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        if self._is_retired and self._users == 0 and not self.is_closed:
            self._connection.close()
            self.is_closed = True

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a new DuckDB cursor for one request, because threads must not share one."""
        return self._connection.cursor()


class Reading:
    """Access to one generation for one request, so that all its queries read the same file."""

    def __init__(self, generation: OpenGeneration, cursor: duckdb.DuckDBPyConnection) -> None:
        self.info = generation.info
        self.cursor = cursor

    def rows(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[dict[str, Any]]:
        """Run a query and return its rows, each as a mapping from column name to value.

        Args:
            query: SQL with placeholders for values, either ``?`` or ``$name``.
            values: Values of the placeholders: a sequence for ``?``, a mapping for ``$name``.
        """
        result = self.cursor.execute(query, _given(values))
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def row(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> dict[str, Any] | None:
        """Run a query and return its first row; None if it returns no rows."""
        return next(iter(self.rows(query, values)), None)

    def frame(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> pl.DataFrame:
        """Run a query and return its rows as a data frame; see :meth:`rows` for the arguments."""
        frame: pl.DataFrame = self.cursor.sql(query, params=_given(values)).pl()
        return frame


def _given(values: Sequence[object] | Mapping[str, object]) -> dict[str, object] | list[object]:
    return dict(values) if isinstance(values, Mapping) else list(values)


class PublishedReader:
    """Reader of the current generation; when the pointer moves, it opens the newly named one.

    Args:
        published_path: Folder that contains the generations' files and the pointer ``CURRENT``.
        check_every_seconds: Smallest number of seconds between two checks of the pointer.
        prepare: Function that the reader calls with each generation before requests can read it;
            its result is kept as :attr:`OpenGeneration.prepared`. None prepares nothing.
    """

    def __init__(
        self,
        published_path: Path,
        *,
        check_every_seconds: float = 0.5,
        prepare: Callable[[OpenGeneration], object] | None = None,
    ) -> None:
        self.published_path = published_path
        self._prepare = prepare
        self._check_every_seconds = check_every_seconds
        self._swap_lock = threading.Lock()
        self._current: OpenGeneration | None = None
        self._pointer_seen: tuple[int, int] | None = None
        self._next_check = 0.0

    @property
    def current(self) -> OpenGeneration | None:
        """Generation that is open now; None if none is open. The pointer is not checked."""
        return self._current

    def follow(self) -> OpenGeneration:
        """Check the pointer now, open another generation if it names one, and return the open one.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The pointer or the file that it names cannot be used, and no generation
                was open before.
        """
        self._next_check = 0.0
        generation = self._acquire()
        generation.release()
        return generation

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Yield access to the current generation for one request; it stays open until the end.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The pointer or the file that it names cannot be used, and no generation
                was open before.
        """
        with _reading(self._acquire()) as reading:
            yield reading

    @contextmanager
    def reading_of(self, generation_id: str) -> Iterator[Reading]:
        """Yield access to the generation with this id, which need not be the current one.

        Raises:
            NoDataError: The generation is no longer on disk, or nothing has been published yet.
            PublishError: The generation's file cannot be used.
        """
        generation = self._acquire()
        if generation.info.generation_id != generation_id:
            generation.release()
            path = self.published_path / f"{generation_id}.duckdb"
            if not path.exists():
                raise NoDataError(f"generation {generation_id} is no longer on disk")
            generation = _opened(path)
            generation.acquire()
            generation.retire()  # closes after this request, the only one that uses it
        with _reading(generation) as reading:
            yield reading

    def close(self) -> None:
        """Close the open generation as soon as no request reads it."""
        with self._swap_lock:
            if self._current is not None:
                self._current.retire()
            self._current = None
            self._pointer_seen = None

    def _acquire(self) -> OpenGeneration:
        while True:
            self._follow_pointer()
            generation = self._current
            # another thread may have swapped and closed it between the two lines, so check again
            if generation is not None and generation.acquire():
                return generation

    def _follow_pointer(self) -> None:
        if self._current is None:
            with self._swap_lock:
                if self._current is None:  # another thread may have opened it
                    self._open_current()
            return
        if time.monotonic() < self._next_check or not self._swap_lock.acquire(blocking=False):
            return  # not due, or another thread checks: use the open generation
        try:
            self._next_check = time.monotonic() + self._check_every_seconds
            if self._pointer_now() != self._pointer_seen:
                self._open_current()
        except RossmannError as error:
            _LOG.warning("keeping generation %s: %s", self._current.info.generation_id, error)
        finally:
            self._swap_lock.release()

    def _pointer_now(self) -> tuple[int, int] | None:
        try:
            status = (self.published_path / POINTER_NAME).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _open_current(self) -> None:
        # stored before the pointer is read, so that the next check notices a move in between
        pointer = self._pointer_now()
        path = current_path(self.published_path)
        old = self._current
        if old is None or old.path != path:
            generation = _opened(path)
            if self._prepare is not None:
                try:
                    generation.prepared = self._prepare(generation)
                except BaseException:
                    generation.retire()
                    raise
            self._current = generation
            _LOG.info("reading generation %s", generation.info.generation_id)
            if old is not None:
                old.retire()
        self._pointer_seen = pointer
        self._next_check = time.monotonic() + self._check_every_seconds


def _opened(path: Path) -> OpenGeneration:
    try:
        return OpenGeneration(path)
    except duckdb.Error as error:
        raise PublishError(f"{path} cannot be opened: {error}") from error


@contextmanager
def _reading(generation: OpenGeneration) -> Iterator[Reading]:
    """Yield access to a generation that was acquired before, and release it at the end."""
    try:
        cursor = generation.cursor()
        try:
            yield Reading(generation, cursor)
        finally:
            cursor.close()
    finally:
        generation.release()
