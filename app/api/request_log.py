"""The request log: every request appended to files that the pipeline reads, without waiting.

Answers hand their record to a bounded queue; one thread writes. When the queue is full or the disk
refuses, records are dropped and counted. The format is :mod:`rossmann_ml.serving.request_records`.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
_BATCH = 1000


class RequestLog:
    """Writes records of requests in the background.

    Args:
        folder: Where the day's files are; made when there is something to write.
        capacity: Records that may wait.
    """

    def __init__(self, folder: Path, *, capacity: int = 10_000) -> None:
        self._folder = folder
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(capacity)
        self._lock = threading.Lock()
        self._dropped = 0
        self._dropped_untold = 0
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Requests answered but not recorded since the start."""
        return self._dropped

    def start(self) -> None:
        """Start writing."""
        self._thread = threading.Thread(target=self._write_on, name="request-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits and stop."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(timeout=10)
            self._thread = None

    def record(self, record: dict[str, Any]) -> None:
        """Take a record (the fields of ``RequestRecord``); never waits and never fails."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._drop(1)

    def _drop(self, count: int) -> None:
        with self._lock:
            self._dropped += count
            self._dropped_untold += count

    def _write_on(self) -> None:
        is_open = True
        while is_open:
            batch = [self._queue.get()]
            while len(batch) < _BATCH:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            is_open = None not in batch
            self._write([each for each in batch if each is not None])

    def _write(self, records: list[dict[str, Any]]) -> None:
        with self._lock:
            dropped, self._dropped_untold = self._dropped_untold, 0
        if dropped:
            records.append({"kind": "dropped", "at": datetime.now(UTC), "requests": dropped})
        by_day: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            by_day.setdefault(f"{record['at']:%Y-%m-%d}", []).append(record)
        for day, of_day in by_day.items():
            try:
                append_lines(self._folder / f"{day}.jsonl", of_day)
            except OSError as error:
                _LOG.error("requests are not recorded: %s", error)
                self._drop(sum(record["kind"] == "request" for record in of_day))


def append_lines(
    path: Path,
    records: Iterable[dict[str, Any]],
    *,
    write: Callable[[int, bytes], int] = os.write,
) -> None:
    """Append records as lines in one write, so that several processes may share a file.

    Raises:
        OSError: The disk refused, or took only a part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, default=_plain) + "\n" for record in records).encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        written = write(handle, text)
        if written != len(text):
            raise OSError(f"{path}: wrote {written} of {len(text)} bytes")
    finally:
        os.close(handle)


def _plain(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
