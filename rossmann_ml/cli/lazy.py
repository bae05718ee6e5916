"""Typer groups whose commands are imported when they are called, so that ``--help`` is quick.

Entry points: :class:`LazyGroup` and :class:`LazyCommand`. Which commands there are is listed in
:mod:`rossmann_ml.cli`; what they do is in its other modules.
"""

from __future__ import annotations

import pkgutil
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """Name a command in the help of its group without importing it.

    Args:
        name: The word that calls the command.
        target: The command's function, as ``module:function`` below ``rossmann_ml.cli``.
        summary: The first line of the function's docstring.
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
        """Return a command that can be run, or None for an unknown name."""
        found = super().get_command(ctx, cmd_name)
        return found.load() if isinstance(found, LazyCommand) else found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help from the summaries, because `get_command` would import each command."""
        entries = list(self.commands.values())
        listed = TyperGroup(name=self.name, help=self.help, commands=entries)
        listed.format_help(ctx, formatter)
