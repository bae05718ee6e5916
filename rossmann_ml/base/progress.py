"""Define the type of progress functions, which long work calls with one line of text per step."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(_line: str) -> None:
    """Ignore a line of progress; used as the default progress function."""
