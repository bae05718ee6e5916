"""Publish repeatedly while readers read, each time with another figure."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import publish
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

_GENERATIONS_KEPT = 3


class Publisher:
    """Publishes a new generation every so many seconds, until it is told to stop.

    Args:
        settings: Of the copy.
        params: All parameters.
        every_seconds: Between two publications.
    """

    def __init__(self, settings: Settings, params: Params, every_seconds: float) -> None:
        kept = params.publish.model_copy(update={"generations_kept": _GENERATIONS_KEPT})
        self._settings, self._params = settings, params.model_copy(update={"publish": kept})
        self._every_seconds = every_seconds
        self.shares: dict[str, float] = {}
        self.published_at: dict[str, float] = {}
        self.error: BaseException | None = None
        self._stop = threading.Event()

    def publish(self) -> None:
        """Move the lower end of the widest range, and publish."""
        share = 1 - (len(self.shares) + 1) / 10_000
        with connect(self._settings) as connection:
            connection.execute(
                "UPDATE forecasting.forecasts SET lower_95 = lower_80 * $share WHERE is_open",
                {"share": share},
            )
            connection.execute(
                "UPDATE forecasting.forecast_runs SET input_hash = $hash", {"hash": str(share)}
            )
        done = publish(Session(self._settings, self._params), run_id=f"load-{len(self.shares)}")
        self.published_at[done.generation_id] = time.monotonic()
        self.shares[done.generation_id] = share

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Publish in a thread until the block ends."""
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            self._stop.clear()

    def _work(self) -> None:
        while not self._stop.wait(self._every_seconds):
            try:
                self.publish()
            except BaseException as error:
                self.error = error
                return
