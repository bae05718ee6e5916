"""Print lines and tables of commands.

Entry points: :func:`show` for a line of text, :func:`narrow_table` for a table of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from rossmann_ml.base.terminal.console import Console


def show(line: str) -> None:
    """Print a line unchanged: not wrapped, and with brackets as text instead of Rich's markup."""
    Console().print(line, markup=False, soft_wrap=True)


def narrow_table(title: str | None, *, left: Sequence[str], right: Sequence[str]) -> Table:
    """Return an empty table without padding, so that many columns fit into 80 characters.

    Args:
        title: Title, with line breaks if it is wider than the table; None for no title.
        left: Headings of the first columns, which contain text.
        right: Headings of the last columns, which contain numbers.
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
