"""Render Markdown for generated documents: tables of figures, and sections between two marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with right-aligned columns after the first.

    Args:
        names: Column names.
        rows: Rows of cells as text, one cell per column.
    """
    marks = ["---", *("---:" for _ in names[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (names, marks, *rows))


def percent(value: float | None, *, signed: bool = False, digits: int = 1) -> str:
    """Return a share as a percentage; a dash for None."""
    if value is None:
        return "-"
    return f"{value:+.{digits}%}" if signed else f"{value:.{digits}%}"


def rmspe(value: float | None) -> str:
    """Return an RMSPE with four decimals; a dash for None."""
    return "-" if value is None else f"{value:.4f}"


def with_part(text: str, part: str, *, begin: str, end: str) -> str:
    """Return a document with the text between two marks replaced.

    Args:
        text: Document that contains both marks.
        part: New text between the marks.
        begin: Mark before the part.
        end: Mark after the part.

    Raises:
        ValueError: A mark is missing.
    """
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the document has no part between {begin!r} and {end!r}")
    return f"{before}{begin}\n{part}\n{end}{after}"
