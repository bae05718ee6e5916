"""Render Markdown tables for generated documents, and format shares and RMSPE for their cells."""

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
    """Return a share as a percentage, such as ``12.3%``.

    Args:
        value: Share, 1 for 100%; None gives a dash.
        signed: Whether a positive percentage begins with a plus sign.
        digits: Number of decimals of the percentage.
    """
    if value is None:
        return "-"
    return f"{value:+.{digits}%}" if signed else f"{value:.{digits}%}"


def rmspe(value: float | None) -> str:
    """Return an RMSPE with four decimals; a dash for None."""
    return "-" if value is None else f"{value:.4f}"
