"""Run heavy work in a few threads of its own, with a queue that is short and holds no thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread

from app.api.bounds.shares import NoShareError, Shares
from app.api.problems import ProblemError

_AT_ONCE = 2  # heavy work keeps a core busy, so more at once would only slow down all of it
_RETRY_AFTER_SECONDS = "5"
T = TypeVar("T")


class Lane:
    """Two threads for one kind of heavy work, apart from the pool of threads for light requests.

    Args:
        name: Name of the work in the plural, for messages.
        waiting: Number of requests that may wait for a thread. A caller may use half of the places.
    """

    def __init__(self, name: str, *, waiting: int) -> None:
        self._name = name
        self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        self._places = Shares(_AT_ONCE + waiting)

    async def run(self, caller: str, work: Callable[[], T]) -> T:
        """Run work in one of the threads and return its result; wait for a thread if necessary.

        Args:
            caller: Key holder or address of the caller.
            work: Function that does the work.

        Raises:
            ProblemError: The queue is full, or half of it is of this caller.
        """
        try:
            with self._places.taken(caller):
                return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        except NoShareError as error:
            raise ProblemError(
                "busy",
                f"Too many {self._name} of {error.whose} are waiting; "
                f"retry in {_RETRY_AFTER_SECONDS} s.",
                headers={"Retry-After": _RETRY_AFTER_SECONDS},
            ) from error
