"""Tables in Markdown, for documents that are made of figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures, aligned right.

    Args:
        names: The columns.
        rows: As text, each with one value a column.
    """
    marks = ["---", *("---:" for _ in names[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (names, marks, *rows))


def percent(value: float | None, *, signed: bool = False, digits: int = 1) -> str:
    """A share as a percentage; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:+.{digits}%}" if signed else f"{value:.{digits}%}"


def rmspe(value: float | None) -> str:
    """An RMSPE with four digits; a dash where there is none."""
    return "-" if value is None else f"{value:.4f}"
