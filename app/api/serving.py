"""What the process serves: the current generation, its stored forecasts, and its what-if model.

A thread follows the pointer, so that no request opens a file; a new generation takes over when its
stored forecasts are encoded, and its what-if model is made ready in the background. Everything a
request uses comes from one generation.
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
from app.api.memory import give_memory_back
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
    """What is made of a generation before it is served, and soon after."""

    stored: StoredForecasts
    scenarios: Future[Scenarios]


class Serving:
    """The current generation of this process.

    Attributes:
        reader: For questions to DuckDB.
        settings: Where things are.
        metrics: What is counted.
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
        """Start to follow the pointer."""
        self._follower.start()

    def close(self) -> None:
        """Stop following, and close what is open."""
        self._stop.set()
        self._follower.join(timeout=10)
        self.reader.close()

    def generation(self) -> OpenGeneration:
        """What is served, with a :class:`Prepared`; opens it where nothing is open yet.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: What is published cannot be opened.
        """
        return self.reader.current or self.reader.follow()

    def stored_now(self) -> StoredForecasts | None:
        """The stored forecasts, without waiting; None before the first publication is opened."""
        generation = self.reader.current
        return None if generation is None else self._prepared(generation).stored

    def stored(self) -> StoredForecasts:
        """The stored forecasts.

        Raises:
            NoDataError: Nothing has been published yet.
            PublishError: What is published cannot be opened.
        """
        return self._prepared(self.generation()).stored

    @staticmethod
    def _prepared(generation: OpenGeneration) -> Prepared:
        prepared: Prepared = generation.prepared
        return prepared

    def _follow(self) -> None:
        while not self._stop.wait(self._follow_seconds):
            with suppress(RossmannError):  # told to whoever asks, and by the reader's log
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
        # imported here: the libraries that score take seconds to load, and forecasts need not wait
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
            give_memory_back()  # first: a question that waits would hold the end of the heap
            scenarios.set_result(loaded)
