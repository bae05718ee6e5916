"""Implement ``rossmann data withdraw``."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from rossmann_ml.base.settings import default_settings
from rossmann_ml.cli.output import show
from rossmann_ml.ingest.withdrawal import withdraw_file
from rossmann_ml.warehouse.session import Session


def withdraw(
    file: Annotated[str, typer.Argument(help="Name of a landed file, without its folder.")],
    reason: Annotated[
        str, typer.Option(help="Reason, which `rossmann data status` shows.")
    ] = "no reason given",
) -> None:
    """Withdraw a landed file: the next refresh publishes as if it had never come.

    A former edition of the same name is in force again. A file that is still in the incoming folder
    is not landed again. Published forecasts of earlier origins stay, because readers had them.
    """
    done = withdraw_file(Session(default_settings()), file, reason=reason, actor=getpass.getuser())
    for line in done.describe():
        show(line)
    show("Next: rossmann refresh")
