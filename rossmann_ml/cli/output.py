"""Print lines and tables of commands.

Entry points: :func:`show` for lines with values of the user, :func:`narrow_table` for figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table


def show(line: str) -> None:
    """Print a line as it is: not wrapped, and its brackets are not markup."""
    Console(highlight=False).print(line, markup=False, soft_wrap=True)


def narrow_table(title: str | None, *, left: Sequence[str], right: Sequence[str]) -> Table:
    """Return an empty table that fits into a terminal of 80 columns.

    Args:
        title: Title with line breaks, because the table can be narrower; None without one.
        left: Columns of text.
        right: Columns of numbers after them.
    """
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
    )
    for name in (*left, *right):
        table.add_column(name, no_wrap=True, justify="right" if name in right else "left")
    return table
