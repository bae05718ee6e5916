"""Serve the current generation, follow publications, and load what-if models in the background."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Literal

from app.api.bounds.lanes import Lane
from app.api.records.metrics import Metrics
from app.api.settings import ApiSettings
from app.published import OpenGeneration, PublishedReader
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.status import Status, read_status
from rossmann_ml.serving.what_if import Scenarios

_LOG = logging.getLogger(__name__)
# opening a generation takes less than a second
_STALLED_SECONDS = 60.0
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 5.0, 300.0


class Serving:
    """Keeps the current generation open for all requests, and switches to each new generation.

    Attributes:
        reader: Reader of the generations. A background thread loads the what-if model of each
            generation that becomes current; :attr:`OpenGeneration.prepared` is the future of this
            model. A load that failed is tried again.
        settings: Locations of files.
        status: Content of ``status.json`` at the newest check; an empty one if it cannot be read.
        metrics: Metrics that the application collects.
        what_ifs: Threads for what-if requests.
        large_pages: Threads for large pages.
    """

    def __init__(self, settings: Settings, api: ApiSettings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.what_ifs = Lane("what-if requests", waiting=api.max_waiting)
        self.large_pages = Lane("requests for large pages", waiting=api.max_waiting)
        self.reader = PublishedReader(
            settings.published_path, check_every_seconds=api.follow_seconds, prepare=self._prepare
        )
        self._follow_seconds = api.follow_seconds
        self._is_closed = threading.Event()
        self.status = Status()
        self._status_fault: str | None = None
        self._checked_at = time.monotonic()
        self._check()
        self._thread = threading.Thread(target=self._follow, name="follow", daemon=True)

    def start(self) -> None:
        """Start the background thread that follows publications."""
        self._thread.start()

    def close(self) -> None:
        """Stop following publications, and trying again to load a model."""
        self._is_closed.set()

    def faults(self) -> list[str]:
        """Return what does not work at the moment, without places of files, without waiting."""
        found = []
        fault, opened = self.reader.fault, self.reader.opened
        if opened is not None and fault is not None:
            found.append(
                f"The newest publication cannot be read ({type(fault).__name__}); generation "
                f"{opened.info.generation_id} stays. The log of the API has the reason."
            )
        elif fault is not None and not isinstance(fault, NoDataError):
            found.append(
                f"The current generation cannot be read ({type(fault).__name__}). The log of the "
                "API has the reason."
            )
        silent = time.monotonic() - self._checked_at
        if not self._thread.is_alive() or silent > _STALLED_SECONDS:
            found.append(f"Publications have not been followed for {silent:.0f} s.")
        if opened is not None and what_if_state(opened) == "unavailable":
            found.append("The what-if model cannot be loaded. The log of the API has the reason.")
        if (status_fault := self._status_fault) is not None:
            found.append(f"status.json cannot be read ({status_fault}).")
        return found

    def _check(self) -> None:
        with suppress(Exception):  # the reader keeps it as its fault, and requests report it
            self.reader.current()
        try:
            self.status, self._status_fault = read_status(self.settings.published_path), None
        except Exception as error:  # whatever fails, the next check tries again
            self.status, self._status_fault = Status(), type(error).__name__
        self._checked_at = time.monotonic()

    def _follow(self) -> None:
        while not self._is_closed.wait(self._follow_seconds):
            self._check()

    def _prepare(self, generation: OpenGeneration) -> Future[Scenarios]:
        info = generation.info
        loading: Future[Scenarios] = Future()
        threading.Thread(
            target=self._load_scenarios, args=(generation, loading), daemon=True
        ).start()
        self.metrics.serves(info.generation_id, info.published_at.timestamp())
        return loading

    def _load_scenarios(self, generation: OpenGeneration, loading: Future[Scenarios]) -> None:
        path = generation.path
        wait = _FIRST_RETRY_SECONDS
        while True:
            try:
                loaded = Scenarios.load(path, path.parent / "models", threads=self.settings.threads)
            except BaseException as error:  # also of memory or open files, or a panic of polars
                _LOG.error(
                    "what-if requests cannot be computed: %s: %s", type(error).__name__, error
                )
                if not loading.done():
                    loading.set_exception(error.with_traceback(None))  # it would keep what loaded
            else:
                if loading.done():
                    loading = Future()
                loading.set_result(loaded)
                generation.prepared = loading
                return
            if self._is_closed.wait(wait) or self.reader.opened is not generation:
                return
            wait = min(2 * wait, _LONGEST_RETRY_SECONDS)


def what_if_state(generation: OpenGeneration) -> Literal["ready", "loading", "unavailable"]:
    """Return whether what-if requests to a generation can be computed, without waiting."""
    loading: Future[Scenarios] = generation.prepared  # read once: a new attempt replaces it
    if not loading.done():
        return "loading"
    return "unavailable" if loading.exception() else "ready"
