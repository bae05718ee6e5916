"""List items in a message for people. Entry point: :func:`listed`."""

from __future__ import annotations

from collections.abc import Iterable


def listed(items: Iterable[object], most: int = 10) -> str:
    """Join up to `most` items by commas, and add the number of further items."""
    texts = [str(item) for item in items]
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")
