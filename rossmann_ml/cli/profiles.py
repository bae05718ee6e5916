"""The option ``--profile``, which several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from rossmann_ml.base.params import Profile

ProfileOption = Annotated[str, typer.Option(help="How much a fit does: fast or full.")]


def profile_of(name: str) -> Profile:
    """The profile that was named.

    Raises:
        typer.BadParameter: There is none of that name.
    """
    if name == "fast":
        return "fast"
    if name == "full":
        return "full"
    raise typer.BadParameter(f"{name!r} is not a profile: fast or full", param_hint="--profile")
