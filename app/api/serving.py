"""Serve the current generation, and load its what-if model in the background."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from app.api.metrics import Metrics
from app.api.settings import ApiSettings
from app.published import OpenGeneration, PublishedReader
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.settings import Settings

if TYPE_CHECKING:
    from rossmann_ml.serving.what_if import Scenarios

_LOG = logging.getLogger(__name__)


class Serving:
    """Keeps the current generation open for all requests, and switches to each new generation.

    Attributes:
        reader: Reader of the generations. A background thread loads the what-if model of each
            generation that becomes current; :attr:`OpenGeneration.prepared` is the future of this
            model.
        settings: Locations of files.
        metrics: Metrics that the application collects.
    """

    def __init__(self, settings: Settings, api: ApiSettings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.reader = PublishedReader(
            settings.published_path, check_every_seconds=api.follow_seconds, prepare=self._prepare
        )
        with suppress(RossmannError):  # requests report it
            self.reader.current()

    def _prepare(self, generation: OpenGeneration) -> Future[Scenarios]:
        info = generation.info
        self.metrics.serves(info.generation_id, info.published_at.timestamp())
        scenarios: Future[Scenarios] = Future()
        threading.Thread(
            target=self._load_scenarios, args=(generation, scenarios), daemon=True
        ).start()
        return scenarios

    def _load_scenarios(self, generation: OpenGeneration, scenarios: Future[Scenarios]) -> None:
        # imported here because the model libraries take seconds to load; forecasts need not wait
        from rossmann_ml.serving.what_if import Scenarios  # noqa: PLC0415

        path = generation.path
        try:
            loaded = Scenarios.load(path, path.parent / "models", threads=self.settings.threads)
        except Exception as error:
            _LOG.error("what-if requests cannot be computed: %s", error)
            scenarios.set_exception(error)
        else:
            scenarios.set_result(loaded)
