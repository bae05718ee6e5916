"""The one way in which API and dashboard read: the current generation, a cursor per request.

A generation's file never changes; news is another file, named by the pointer ``CURRENT``. The
reader looks at the pointer now and then, opens the new file beside the old one, and closes the old
one when the last request that uses it has ended. Which questions are asked belongs to
:mod:`app.queries`; nothing here writes.
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
    """A generation in use, and how many requests use it.

    Attributes:
        path: The file.
        info: What it is.
        prepared: What the reader's ``prepare`` made of it, if it has one.
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
        """Count one more request; False when the generation has just been closed."""
        with self._lock:
            if not self.is_closed:
                self._users += 1
            return not self.is_closed

    def release(self) -> None:
        """Count one request less; the last one of a retired generation closes it."""
        with self._lock:
            self._users -= 1
            self._close_when_idle()

    def retire(self) -> None:
        """Take no new requests: close now, or when the last request has ended."""
        with self._lock:
            self._is_retired = True
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        if self._is_retired and self._users == 0 and not self.is_closed:
            self._connection.close()
            self.is_closed = True

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor for one request; connections must not be shared between threads."""
        return self._connection.cursor()


class Reading:
    """One request's view of one generation: everything it asks comes from the same file."""

    def __init__(self, generation: OpenGeneration, cursor: duckdb.DuckDBPyConnection) -> None:
        self.info = generation.info
        self.cursor = cursor

    def rows(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[dict[str, Any]]:
        """The rows of a query, each as a mapping from column to value.

        Args:
            query: SQL with ``?`` or with ``$name`` in place of values.
            values: The values, in order or by name.
        """
        result = self.cursor.execute(query, _given(values))
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def row(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> dict[str, Any] | None:
        """The first row of a query, or None when there is none."""
        return next(iter(self.rows(query, values)), None)

    def frame(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> pl.DataFrame:
        """Return the rows of a query as a frame; see :meth:`rows` for the arguments."""
        frame: pl.DataFrame = self.cursor.sql(query, params=_given(values)).pl()
        return frame


def _given(values: Sequence[object] | Mapping[str, object]) -> dict[str, object] | list[object]:
    return dict(values) if isinstance(values, Mapping) else list(values)


class PublishedReader:
    """Reads the current generation, and follows the pointer when it moves.

    Args:
        published_path: The folder of the generations.
        check_every_seconds: How often the pointer is looked at, at most.
        prepare: Called with a generation before it becomes the current one; what it returns is
            kept as ``prepared``.
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
        """The generation that is open now, without looking at the pointer."""
        return self._current

    def follow(self) -> OpenGeneration:
        """Look at the pointer now and open what it names.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The pointer or its file cannot be used, and none was open before.
        """
        self._next_check = 0.0
        generation = self._acquire()
        generation.release()
        return generation

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Read from the current generation for the length of a request.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The pointer or its file cannot be used, and none was open before.
        """
        with _reading(self._acquire()) as reading:
            yield reading

    @contextmanager
    def reading_of(self, generation_id: str) -> Iterator[Reading]:
        """Read from a generation of that id, the current one or an older one still on disk.

        Raises:
            NoDataError: It is no longer there, or nothing has been published yet.
            PublishError: Its file cannot be used.
        """
        generation = self._acquire()
        if generation.info.generation_id != generation_id:
            generation.release()
            path = self.published_path / f"{generation_id}.duckdb"
            if not path.exists():
                raise NoDataError(f"generation {generation_id} is no longer on disk")
            generation = _opened(path)
            generation.acquire()
            generation.retire()  # closes with the only request that uses it
        with _reading(generation) as reading:
            yield reading

    def close(self) -> None:
        """Close what is open, as soon as its last request has ended."""
        with self._swap_lock:
            if self._current is not None:
                self._current.retire()
            self._current = None
            self._pointer_seen = None

    def _acquire(self) -> OpenGeneration:
        while True:
            self._follow_pointer()
            generation = self._current
            # between the two lines another thread may have swapped and closed it: look again
            if generation is not None and generation.acquire():
                return generation

    def _follow_pointer(self) -> None:
        if self._current is None:
            with self._swap_lock:
                if self._current is None:  # another thread may have opened it meanwhile
                    self._open_current()
            return
        if time.monotonic() < self._next_check or not self._swap_lock.acquire(blocking=False):
            return  # not due, or another thread is at it: go on with what is open
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
        # looked at before it is read: if it moves in between, the next check sees that
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
    """Read from an acquired generation, and release it."""
    try:
        cursor = generation.cursor()
        try:
            yield Reading(generation, cursor)
        finally:
            cursor.close()
    finally:
        generation.release()
