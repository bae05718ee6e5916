"""How long work tells how far it is: a function that is given one line at a time."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing."""
