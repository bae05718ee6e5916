"""Load the command line as one group, which `docs/reference/cli.md` shows with mkdocs-click."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from rossmann_ml.cli import commands as command_line


def loaded(group: Any) -> TyperGroup:
    """Return a copy of a lazy group whose commands are imported."""
    commands = [group.get_command(None, name) for name in group.commands]
    return TyperGroup(
        name=group.name,
        help=group.help,
        commands=[loaded(each) if isinstance(each, TyperGroup) else each for each in commands],
    )


rossmann = loaded(command_line.app)
