"""Define Typer groups that import a command when it is called, so that ``--help`` is quick.

Entry points: :class:`LazyGroup` and :class:`LazyCommand`. :mod:`rossmann_ml.cli` lists the
commands; its other modules define them.
"""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """A command that appears in the help of its group without being imported.

    Args:
        name: Name of the command on the command line.
        target: Function of the command, as ``module:function`` below ``rossmann_ml.cli``.
    """

    def __init__(self, name: str, target: str) -> None:
        super().__init__(name, help=_summary(target))
        self.target = f"{__package__}.{target}"

    def load(self) -> Any:
        """Import the function and return its command."""
        app = typer.Typer(add_completion=False)
        app.command(self.name)(pkgutil.resolve_name(self.target))
        return typer.main.get_command(app)


def _summary(target: str) -> str:
    """Return the first line of a function's docstring, from the source of its module."""
    module, function = target.split(":")
    source = Path(__file__).parent / f"{module.replace('.', '/')}.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise LookupError(f"{source} has no function {function}")


class LazyGroup(TyperGroup):
    """A group of :class:`LazyCommand` and further groups.

    Args:
        name: Word that calls the group.
        summary: Help of the group.
        commands: Functions by command, as in :class:`LazyCommand`, and further groups.
    """

    def __init__(self, name: str, summary: str, commands: dict[str, str | LazyGroup]) -> None:
        loadable = [
            LazyCommand(word, each) if isinstance(each, str) else each
            for word, each in commands.items()
        ]
        super().__init__(name=name, help=summary, commands=loadable, no_args_is_help=True)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the imported command, or None for an unknown name."""
        found = super().get_command(ctx, cmd_name)
        return found.load() if isinstance(found, LazyCommand) else found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help from the summaries, because `get_command` would import each command."""
        entries = list(self.commands.values())
        listed = TyperGroup(name=self.name, help=self.help, commands=entries)
        listed.format_help(ctx, formatter)
