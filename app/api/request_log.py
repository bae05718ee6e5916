"""Record every request as a JSON line in one file per day, without delaying responses.

:class:`RequestLog` takes records from a bounded queue and appends them in one background thread; it
counts the requests that it cannot record. ``docs/api.md`` lists the fields. The dbt model
``api_usage`` reads the files.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
from collections.abc import Iterable
from datetime import date, timedelta
from operator import methodcaller
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)


class RequestLog:
    """Log that appends one record per request to the file of its UTC day, ``YYYY-MM-DD.jsonl``.

    Args:
        folder: Folder that contains the files; the first record creates it.
        kept_days: Number of days before today whose files are kept; older files are deleted.
        capacity: Number of records that may wait to be written.
    """

    def __init__(self, folder: Path, *, kept_days: int, capacity: int = 10_000) -> None:
        self._folder = folder
        self._kept_days = kept_days
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(capacity)
        self._not_queued = 0  # changed by the thread of the requests
        self._not_written = 0  # changed by the thread that writes
        self._dropped_in_file = 0
        self._day: date | None = None
        self._thread = threading.Thread(target=self._write_all, name="request-log", daemon=True)

    @property
    def dropped(self) -> int:
        """Number of records lost since the start, because the queue was full or a write failed."""
        return self._not_queued + self._not_written

    def start(self) -> None:
        """Start the background thread that writes queued records to the files."""
        self._thread.start()

    def close(self) -> None:
        """Write the records in the queue and stop the thread; wait at most 20 seconds for it."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=10)
            self._thread.join(timeout=10)

    def record(self, record: dict[str, Any]) -> None:
        """Add a record to the queue; if the queue is full, count the record as dropped."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._not_queued += 1

    def _write_all(self) -> None:
        while (record := self._queue.get()) is not None:
            lines, dropped = [record], self.dropped
            if dropped > self._dropped_in_file:
                more = dropped - self._dropped_in_file
                lines.append({"kind": "dropped", "at": record["at"], "requests": more})
            day = record["at"].date()
            try:
                append_lines(self._folder / f"{day}.jsonl", lines)
                self._dropped_in_file = dropped
            except OSError as error:
                _LOG.error("requests are not recorded: %s", error)
                self._not_written += 1
            if day != self._day:
                self._day = day
                self._delete_old_files(day - timedelta(days=self._kept_days))

    def _delete_old_files(self, first_kept: date) -> None:
        for path in self._folder.glob("????-??-??.jsonl"):
            if path.stem < first_kept.isoformat():
                try:
                    path.unlink(missing_ok=True)  # another process may delete it, too
                except OSError as error:
                    _LOG.error("an old request file is not deleted: %s", error)


def append_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Append records to a file as JSON lines in one write, so that processes may share the file.

    Raises:
        OSError: The system refused the write, or wrote only a part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    as_text = methodcaller("isoformat")  # of dates and times
    text = "".join(json.dumps(line, default=as_text) + "\n" for line in lines).encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        written = os.write(handle, text)
    finally:
        os.close(handle)
    if written != len(text):
        raise OSError(f"{path}: wrote {written} of {len(text)} bytes")
