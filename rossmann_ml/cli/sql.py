"""``rossmann sql``: ask the current published generation, which no query can change."""

from __future__ import annotations

import csv
import enum
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.serving.generations import current_path, open_generation, read_info

_TABLE_ROWS = 50
_FETCHED_AT_ONCE = 1_000


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


def ask(query: str, *, output: str, limit: int | None) -> None:
    """Run a query and print what it returns.

    Args:
        query: One or more statements; the rows of the last are printed.
        output: ``table``, ``csv`` or ``json``.
        limit: Rows printed; 0 is all, None is 50 for a table and all for the others.

    Raises:
        NoDataError: Nothing has been published yet.
        RefusedError: DuckDB does not take the query; its message in one line.
    """
    with _reported_in_one_line():
        connection = open_generation(current_path(default_settings().published_path))
    with connection, _reported_in_one_line():
        info = read_info(connection)
        result = connection.execute(query)
        if not result.description:
            return
        names = [column[0] for column in result.description]
        if output == "csv":
            _print_csv(names, _rows(result, limit or 0))
        elif output == "json":
            _print_json(names, _rows(result, limit or 0))
        else:
            _print_table(names, result, _TABLE_ROWS if limit is None else limit)
            Console(stderr=True, highlight=False).print(
                f"[dim]generation {info.generation_id}, origin {info.forecast_origin}[/]",
                soft_wrap=True,
            )


@contextmanager
def _reported_in_one_line() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        lines = [line.strip() for line in str(error).splitlines()]
        kept = [line for line in lines if line and set(line) != {"^"}]
        raise RefusedError("; ".join(kept)) from error


def _rows(result: duckdb.DuckDBPyConnection, limit: int) -> Iterator[tuple[Any, ...]]:
    """The rows up to a limit, a portion at a time; 0 is all."""
    left = limit or math.inf
    while left > 0:
        portion = result.fetchmany(int(min(left, _FETCHED_AT_ONCE)))
        if not portion:
            return
        yield from portion
        left -= len(portion)


def _print_csv(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in row])


def _print_json(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    separator = "[\n"
    for row in rows:
        values = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        sys.stdout.write(separator + json.dumps(values, ensure_ascii=False, default=_plain))
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: exact numbers as numbers, no NaN, all else as text."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | list | dict) or value is None:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _print_table(names: list[str], result: duckdb.DuckDBPyConnection, limit: int) -> None:
    rows = list(_rows(result, limit + 1 if limit else 0))
    shown = rows[:limit] if limit else rows
    table = Table(header_style="bold")
    for index, name in enumerate(names):
        is_number = any(isinstance(row[index], int | float | Decimal) for row in shown)
        is_truth = any(isinstance(row[index], bool) for row in shown)
        table.add_column(name, justify="right" if is_number and not is_truth else "left")
    for row in shown:
        table.add_row(*(_cell(value) for value in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        # a file or another program must get whole values, whatever the width of a screen
        console = Console(highlight=False, width=10_000)
    console.print(table)
    if len(rows) > len(shown):
        console.print(f"the first {limit} rows; --limit 0 shows all", style="dim")


def _cell(value: Any) -> Text:
    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, float) and math.isfinite(value):
        exact = f"{value:.4f}".rstrip("0").rstrip(".")
        return Text(exact if float(exact) or not value else f"{value:.3g}")
    return Text(str(value))
