"""Keep the current generation open, with its JSON-encoded forecasts and its what-if model.

:class:`Serving` checks the pointer ``CURRENT`` in a thread, so that requests open no files. A new
generation is served once its forecasts are encoded; its what-if model loads in the background.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.api.child import call_in_child
from app.api.memory import release_freed_memory
from app.api.metrics import Metrics
from app.api.settings import ApiSettings
from app.api.stored_forecasts import StoredForecasts
from app.published import OpenGeneration, PublishedReader
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.settings import Settings

if TYPE_CHECKING:
    from rossmann_ml.serving.what_if import Scenarios

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Data that the API computes once from a generation.

    Attributes:
        stored: Forecasts encoded as JSON; complete before the generation is served.
        scenarios: Future whose result is the what-if model, which may still be loading.
    """

    stored: StoredForecasts
    scenarios: Future[Scenarios]


class Serving:
    """Keeps the current generation open for this process, and switches to a new one.

    Attributes:
        reader: Reader that opens generations and gives each request a DuckDB cursor.
        settings: Locations of files.
        metrics: Metrics that the application collects.
    """

    def __init__(self, settings: Settings, api: ApiSettings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.reader = PublishedReader(
            settings.published_path, check_every_seconds=api.follow_seconds, prepare=self._prepare
        )
        self._follow_seconds = api.follow_seconds
        self._stop = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="follow", daemon=True)

    def start(self) -> None:
        """Start the thread that checks the pointer for a new generation."""
        self._follower.start()

    def close(self) -> None:
        """Stop the thread that checks the pointer, and close the open generation."""
        self._stop.set()
        self._follower.join(timeout=10)
        self.reader.close()

    def generation(self) -> OpenGeneration:
        """Return the open generation, whose ``prepared`` is a :class:`Prepared`; open it if needed.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The published generation cannot be opened.
        """
        return self.reader.current or self.reader.follow()

    def stored_now(self) -> StoredForecasts | None:
        """Return the encoded forecasts without waiting; None if no generation is open yet."""
        generation = self.reader.current
        return None if generation is None else self._prepared(generation).stored

    def stored(self) -> StoredForecasts:
        """Return the encoded forecasts; open the published generation if none is open yet.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: The published generation cannot be opened.
        """
        return self._prepared(self.generation()).stored

    @staticmethod
    def _prepared(generation: OpenGeneration) -> Prepared:
        prepared: Prepared = generation.prepared
        return prepared

    def _follow(self) -> None:
        while not self._stop.wait(self._follow_seconds):
            with suppress(RossmannError):  # requests report it, and the reader logs it
                self.reader.follow()

    def _prepare(self, generation: OpenGeneration) -> Prepared:
        info = generation.info
        stored = StoredForecasts.of(generation)
        self.metrics.serves(info.generation_id, info.published_at.timestamp())
        scenarios: Future[Scenarios] = Future()
        loading = threading.Thread(
            target=self._load_scenarios,
            args=(generation.path, scenarios),
            name="what-if-model",
            daemon=True,
        )
        loading.start()
        return Prepared(stored, scenarios)

    def _load_scenarios(self, generation: Path, scenarios: Future[Scenarios]) -> None:
        # imported here because the model libraries take seconds to load; forecasts need not wait
        from rossmann_ml.serving.what_if import Scenarios  # noqa: PLC0415

        try:
            loaded = Scenarios.load(
                generation,
                generation.parent / "models",
                threads=self.settings.threads,
                run=call_in_child,
            )
        except Exception as error:
            _LOG.error("what-if questions cannot be answered: %s", error)
            scenarios.set_exception(error)
        else:
            # before the result is set: a waiting question would hold the end of the heap
            release_freed_memory()
            scenarios.set_result(loaded)
