"""Define the option ``--profile`` of the training commands."""

from __future__ import annotations

from typing import Annotated

import typer

from rossmann_ml.base.params.training import Profile

ProfileOption = Annotated[
    Profile, typer.Option(help="Past origins of the backtest: fast (three) or full (nine).")
]
