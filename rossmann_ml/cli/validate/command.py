"""``rossmann validate``: the checks alone."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rossmann_ml.cli.validate.tables import validate_tables


def validate(
    suite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="raw_sales, raw_stores, plan, features or forecasts; may be repeated. "
            "All whose table is there if not given.",
        ),
    ] = None,
) -> None:
    """Check the tables of the warehouse, and show what was found.

    Results are kept in quality.data_quality_results and as pages below the state folder. A failed
    check of error severity ends with exit code 9; a warning is only shown.
    """
    validate_tables(Console(highlight=False), suite or [])
