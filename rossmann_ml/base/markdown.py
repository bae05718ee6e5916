"""Markdown for documents that are made of figures: tables, and parts that a command renews."""

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


def with_part(text: str, part: str, *, begin: str, end: str) -> str:
    """The same document with what stands between two marks replaced.

    Raises:
        ValueError: The marks are not there.
    """
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the document has no part between {begin!r} and {end!r}")
    return f"{before}{begin}\n{part}\n{end}{after}"
