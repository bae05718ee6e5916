"""``rossmann sql``: ask the current published generation, which no query can change."""

from __future__ import annotations

import enum
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rossmann_ml.cli.sql.output import ask


class Format(enum.StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str | None, typer.Argument(help="SQL in DuckDB's dialect.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the query from a file; - is stdin.")
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="How rows are printed.")
    ] = Format.TABLE,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Rows shown; 0 is all. A table shows 50 if not told otherwise."),
    ] = None,
) -> None:
    """Query the published forecasts. Nothing can be written, and no other file read.

    For example: rossmann sql "SELECT * FROM latest_forecasts WHERE store_id = 1"
    Tables and columns: warehouse/README.md; queries to start from: warehouse/queries.
    """
    text = _text_of(query, file)
    try:
        ask(text, output=output.value, limit=limit)
    except BrokenPipeError:  # `rossmann sql … | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _text_of(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise typer.BadParameter("give a query, or --file with one")
    if query is not None:
        return query
    if str(file) == "-":
        return sys.stdin.read()
    if file is None or not file.is_file():
        raise typer.BadParameter(f"{file} is not a file", param_hint="--file")
    return file.read_text(encoding="utf-8")
