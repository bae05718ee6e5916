"""Define Typer groups that import a command when it is called, so that ``--help`` is quick.

Entry points: :class:`LazyGroup` and :class:`LazyCommand`. :mod:`rossmann_ml.cli` lists the
commands; its other modules define them.
"""

from __future__ import annotations

import pkgutil
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """A command that appears in the help of its group without being imported.

    Args:
        name: Name of the command on the command line.
        target: Function of the command, as ``module:function`` below ``rossmann_ml.cli``.
        summary: First line of the function's docstring.
    """

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self.target = f"{__package__}.{target}"

    def load(self) -> Any:
        """Import the function and return its command."""
        app = typer.Typer(add_completion=False)
        app.command(self.name)(pkgutil.resolve_name(self.target))
        return typer.main.get_command(app)


class LazyGroup(TyperGroup):
    """A group of :class:`LazyCommand` and further groups."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the imported command, or None for an unknown name."""
        found = super().get_command(ctx, cmd_name)
        return found.load() if isinstance(found, LazyCommand) else found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help from the summaries, because `get_command` would import each command."""
        entries = list(self.commands.values())
        listed = TyperGroup(name=self.name, help=self.help, commands=entries)
        listed.format_help(ctx, formatter)
