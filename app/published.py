"""Read the current generation for API and dashboard, with one DuckDB cursor per request.

The file of a generation never changes. The small file ``CURRENT``, called the pointer, names the
current one. :class:`PublishedReader` opens another generation when the pointer changes. See
:mod:`app.queries` for the queries.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from rossmann_ml.base.errors import DamagedError, NoDataError, PublishError, RossmannError
from rossmann_ml.serving.generations import (
    GenerationInfo,
    current_path,
    open_generation,
    read_info,
)

Values = Sequence[object] | Mapping[str, object]
_LOG = logging.getLogger(__name__)


class OpenGeneration:
    """Open file of a generation; it stays open as long as this object or one of its cursors exists.

    Attributes:
        path: File of the generation.
        info: Identity of the generation, from its table ``generation_info``.
        prepared: Object that the ``prepare`` function of :class:`PublishedReader` returned for this
            generation; None if that function has not been called.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prepared: Any = None
        try:
            self._connection = open_generation(path)
            self.info: GenerationInfo = read_info(self._connection)
        except DamagedError as error:
            raise PublishError(f"{path} cannot be opened: {error}") from error

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Yield access for one request, with its own cursor, because threads must not share one."""
        with closing(self._connection.cursor()) as cursor:
            yield Reading(self.info, cursor)


class Reading:
    """Access to one generation for one request, so that all its queries read the same file.

    Attributes:
        info: Identity of the generation.
    """

    def __init__(self, info: GenerationInfo, cursor: duckdb.DuckDBPyConnection) -> None:
        self.info = info
        self._cursor = cursor

    def rows(self, query: str, values: Values = ()) -> list[dict[str, Any]]:
        """Return the rows of a query, each as a mapping from column to value.

        Args:
            query: SQL with placeholders for values, either ``?`` or ``$name``.
            values: Values of the placeholders: a sequence for ``?``, a mapping for ``$name``.
        """
        result = self._cursor.execute(query, values)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def row(self, query: str, values: Values = ()) -> dict[str, Any] | None:
        """Return the first row of a query as a mapping; None if the query returns no rows."""
        return next(iter(self.rows(query, values)), None)

    def frame(self, query: str, values: Values = ()) -> pl.DataFrame:
        """Return the rows of a query as a frame; see :meth:`rows` for the arguments."""
        frame: pl.DataFrame = self._cursor.sql(query, params=values).pl()
        return frame


class PublishedReader:
    """Keeps the current generation open, and opens another one when the pointer names it.

    Args:
        published_path: Folder that contains the generations' files and the pointer ``CURRENT``.
        check_every_seconds: Smallest number of seconds between two checks of the pointer.
        prepare: Function that the reader calls with each generation before the generation becomes
            current; the result is kept as :attr:`OpenGeneration.prepared`.
    """

    def __init__(
        self,
        published_path: Path,
        *,
        check_every_seconds: float = 0.5,
        prepare: Callable[[OpenGeneration], object] = lambda _: None,
    ) -> None:
        self.published_path = published_path
        self._prepare = prepare
        self._check_every_seconds = check_every_seconds
        self._lock = threading.Lock()
        self._current: OpenGeneration | None = None
        self._next_check = 0.0
        self._fault: RossmannError | None = None

    @property
    def opened(self) -> OpenGeneration | None:
        """Generation that is open now, without a check of the pointer; None before the first."""
        return self._current

    @property
    def fault(self) -> RossmannError | None:
        """Reason why the newest check could not open what the pointer names; None if it could."""
        return self._fault

    def current(self) -> OpenGeneration:
        """Return the generation that the pointer names; check the pointer first if a check is due.

        If the pointer or its generation cannot be used, for any reason, the generation already open
        stays current, and the next check tries again.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The pointer or the file that it names cannot be used, and no generation
                was open before.
        """
        current = self._current
        if current is None:
            self._lock.acquire()
        elif not self._lock.acquire(blocking=False):
            return current  # another thread checks the pointer, and may need time to open a file
        try:
            if self._current is None or time.monotonic() >= self._next_check:
                self._current = self._follow_pointer(self._current)
                self._next_check = time.monotonic() + self._check_every_seconds
            return self._current
        finally:
            self._lock.release()

    def _follow_pointer(self, current: OpenGeneration | None) -> OpenGeneration:
        try:
            path = current_path(self.published_path)
            if current is not None and current.path == path:
                self._fault = None
                return current
            generation = OpenGeneration(path)
            generation.prepared = self._prepare(generation)
        except Exception as error:  # whatever fails, also memory or open files: try again later
            fault = (
                error
                if isinstance(error, RossmannError)
                else PublishError(f"{self.published_path} cannot be read: {error!r}")
            )
            is_new = str(fault) != str(self._fault)
            # a copy, because the traceback of the error keeps files open
            self._fault = type(fault)(str(fault))
            if current is None:
                raise fault from error.__cause__
            if is_new:
                _LOG.warning("keeping generation %s: %s", current.info.generation_id, fault)
            return current
        _LOG.info("reading generation %s", generation.info.generation_id)
        self._fault = None
        return generation

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Yield access to the current generation; its file stays open until the request ends.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The pointer or the file that it names cannot be used, and no generation
                was open before.
        """
        with self.current().reading() as reading:
            yield reading

    def generation(self, generation_id: str) -> OpenGeneration:
        """Return a generation by its id: the current one, or an older one that is on disk.

        Raises:
            NoDataError: The generation is no longer on disk, or nothing has been published yet.
            PublishError: The generation's file cannot be used.
        """
        current = self.current()
        if current.info.generation_id == generation_id:
            return current
        path = self.published_path / f"{generation_id}.duckdb"
        if not path.exists():
            raise NoDataError(f"generation {generation_id} is no longer on disk")
        return OpenGeneration(path)
