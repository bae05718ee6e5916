"""Define Typer groups that import a command when it is called, so that ``--help`` is quick.

Entry points: :class:`LazyGroup` and :class:`LazyCommand`. :mod:`rossmann_ml.cli.commands`
lists the commands; each command is a function in another module of that package.
"""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """A command whose module is imported only when the command is called.

    Its help in the list of commands is read from the module's source.

    Args:
        name: Name of the command on the command line.
        target: Function of the command, as ``module:function`` relative to ``rossmann_ml.cli``.
    """

    def __init__(self, name: str, target: str) -> None:
        super().__init__(name, help=_summary(target))
        self.target = f"{__package__}.{target}"

    def load(self) -> Any:
        """Import the function, and return the complete command with its options."""
        app = typer.Typer(add_completion=False)
        app.command(self.name)(pkgutil.resolve_name(self.target))
        return typer.main.get_command(app)


def _summary(target: str) -> str:
    """Return the first line of a function's docstring without importing its module, which is slow.

    Args:
        target: Function as ``module:function`` relative to ``rossmann_ml.cli``.
    """
    module, function = target.split(":")
    source = Path(__file__).parent / f"{module.replace('.', '/')}.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise LookupError(f"{source} has no function {function}")


class LazyGroup(TyperGroup):
    """A group of commands that are imported when they are called, such as ``rossmann data``.

    Args:
        name: Name of the group on the command line, such as ``data``.
        summary: Help of the group.
        commands: Commands by name; each is the place of its function, as the text
            ``package.module:function``, or a group.
    """

    def __init__(self, name: str, summary: str, commands: dict[str, str | LazyGroup]) -> None:
        loadable = [
            LazyCommand(word, each) if isinstance(each, str) else each
            for word, each in commands.items()
        ]
        super().__init__(name=name, help=summary, commands=loadable, no_args_is_help=True)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command; return a group as it is, and None for an unknown name."""
        found = super().get_command(ctx, cmd_name)
        return found.load() if isinstance(found, LazyCommand) else found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the group's help from the summaries of its commands, without importing them.

        Typer's own method calls `get_command`, which would import each command.
        """
        entries = list(self.commands.values())
        listed = TyperGroup(name=self.name, help=self.help, commands=entries)
        listed.format_help(ctx, formatter)
