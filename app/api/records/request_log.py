"""Record requests as JSON lines in one file per day, without delaying responses.

:class:`RequestLog` takes records from a bounded queue and appends them in one background thread.
Requests that anyone can make (refused ones, and those for the state and the documentation) are
counted, and the counts written once a minute. A file has a largest size; requests that cannot be
recorded are counted, too. ``docs/api.md`` lists the fields. The dbt model ``api_usage`` reads the
files.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from operator import methodcaller
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
# paths that need no key, or that other programs ask for every few seconds
_COUNTED_PATHS = ("/health", "/ready", "/metrics", "/docs", "/openapi.json", "(none)")
_COUNTS_EVERY_SECONDS = 60.0


class RequestLog:
    """Log that appends one record per request to the file of its UTC day, ``YYYY-MM-DD.jsonl``.

    Args:
        folder: Folder that contains the files; the first record creates it.
        kept_days: Number of days before today whose files are kept; older files are deleted.
        most_bytes_per_day: Size in bytes from which a file gets counts only.
        capacity: Number of records that may wait to be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kept_days: int,
        most_bytes_per_day: int = 50_000_000,
        capacity: int = 10_000,
    ) -> None:
        self._folder = folder
        self._kept_days = kept_days
        self._most_bytes_per_day = most_bytes_per_day
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(capacity)
        self._not_queued = 0  # changed by the thread of the requests
        self._not_written = 0  # changed by the thread that writes
        self._dropped_in_file = 0
        # requests without a record, by method, path and status: number, sum of milliseconds
        self._counted: dict[tuple[str, str, int], tuple[int, float]] = {}
        self._next_counts = time.monotonic() + _COUNTS_EVERY_SECONDS
        self._at: datetime | None = None
        self._day: date | None = None
        self._last_fault = ""
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
        is_open = True
        while is_open:
            record = None
            with contextlib.suppress(queue.Empty):
                record = self._queue.get(timeout=_COUNTS_EVERY_SECONDS)
                is_open = record is not None
            try:
                if record is None:
                    self._write_counts()
                else:
                    self._take(record)
            except Exception as error:  # whatever fails costs a record and not the thread
                self._lose(1, error)

    def _take(self, record: dict[str, Any]) -> None:
        """Write or count a record; write the counts if they are due."""
        at = record["at"]
        if self._at is not None and at.date() != self._at.date():
            self._write_counts()
        self._at = at
        if 400 <= record["status"] < 500 or record["path"].startswith(_COUNTED_PATHS):
            kind = record["method"], record["path"], record["status"]
            number, milliseconds = self._counted.get(kind, (0, 0.0))
            self._counted[kind] = number + 1, milliseconds + record["milliseconds"]
        else:
            self._write(record)
        if time.monotonic() >= self._next_counts:
            self._write_counts()
        if at.date() != self._day:
            self._day = at.date()
            self._delete_old_files(self._day - timedelta(days=self._kept_days))

    def _write(self, record: dict[str, Any]) -> None:
        path = self._path_of(record["at"])
        try:
            if path.exists() and path.stat().st_size >= self._most_bytes_per_day:
                self._not_written += 1
            else:
                append_lines(path, [record])
        except OSError as error:
            self._lose(1, error)

    def _lose(self, number: int, error: Exception) -> None:
        """Count requests that could not be recorded; log an error that is not the last one."""
        self._not_written += number
        if str(error) != self._last_fault:
            _LOG.error("requests are not recorded: %s", error)
            self._last_fault = str(error)

    def _write_counts(self) -> None:
        """Write the numbers of counted and of dropped requests since they were last written."""
        self._next_counts = time.monotonic() + _COUNTS_EVERY_SECONDS
        self._last_fault = ""
        dropped, at = self.dropped, self._at
        lines: list[dict[str, Any]] = [
            {
                "kind": "counted",
                "at": at,
                "method": method,
                "path": path,
                "status": status,
                "requests": number,
                "milliseconds": round(milliseconds / number, 3),
            }
            for (method, path, status), (number, milliseconds) in self._counted.items()
        ]
        refused = {f"{e['path']} {e['status']}": e["requests"] for e in lines if e["status"] >= 400}
        if refused:
            _LOG.info("refused: %s", refused)
        if dropped > self._dropped_in_file:
            more = dropped - self._dropped_in_file
            lines.append({"kind": "dropped", "at": at, "requests": more})
        if at is None or not lines:
            return
        self._counted.clear()
        try:
            append_lines(self._path_of(at), lines)
            self._dropped_in_file = dropped
        except OSError as error:
            lost = sum(line["requests"] for line in lines if line["kind"] == "counted")
            self._lose(lost, error)

    def _path_of(self, at: datetime) -> Path:
        return self._folder / f"{at.date()}.jsonl"

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
