"""Define the option ``--profile`` of the training commands."""

from __future__ import annotations

from typing import Annotated

import typer

from rossmann_ml.base.params import Profile

ProfileOption = Annotated[str, typer.Option(help="Size of the training: fast or full.")]


def profile_of(name: str) -> Profile:
    """Return the profile with this name.

    Raises:
        typer.BadParameter: There is no profile of that name.
    """
    if name == "fast":
        return "fast"
    if name == "full":
        return "full"
    raise typer.BadParameter(f"{name!r} is not a profile: fast or full", param_hint="--profile")
