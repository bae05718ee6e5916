"""Divide a limited amount among callers, so that one caller cannot take all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoShareError(Exception):
    """The amount is used up, or the caller has its largest share.

    Attributes:
        is_full: True if all callers together use the whole amount.
    """

    def __init__(self, *, is_full: bool) -> None:
        super().__init__()
        self.is_full = is_full

    @property
    def whose(self) -> str:
        """Words for those who use the amount up: ``all callers`` or ``this caller``."""
        return "all callers" if self.is_full else "this caller"


class Shares:
    """Amount, such as a number of requests or bytes, of which a caller may use at most a half.

    Only the thread of the event loop may use it, because it has no lock.

    Args:
        total: Amount for all callers together.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._used: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str, amount: int = 1) -> Iterator[None]:
        """Use an amount during the block.

        Args:
            caller: Name of the caller.
            amount: Amount that the block uses.

        Raises:
            NoShareError: The caller would use more than half, or all together more than the total.
        """
        is_full = self._used.total() + amount > self._total
        if is_full or self._used[caller] + amount > max(1, self._total // 2):
            raise NoShareError(is_full=is_full)
        self._used[caller] += amount
        try:
            yield
        finally:
            self._used[caller] -= amount
            if not self._used[caller]:
                del self._used[caller]
