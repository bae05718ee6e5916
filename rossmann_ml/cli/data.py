"""``rossmann data``: the files the product is fed with."""

from __future__ import annotations

import typer

app = typer.Typer(help="The files the product is fed with.", no_args_is_help=True)
