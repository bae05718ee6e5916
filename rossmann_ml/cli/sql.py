"""Command ``rossmann sql``: query the current published generation, read-only."""

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
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.serving.generations import current_path, open_generation, read_info

_TABLE_ROWS = 50
_FETCHED_AT_ONCE = 1_000
# wide and long enough for whole values, whatever a file or another program receives
_UNLIMITED = 1_000_000


class Format(enum.StrEnum):
    """Output format of rows."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str | None, typer.Argument(help="SQL in DuckDB's dialect.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the query from a file; - is stdin.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TABLE,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of rows printed; 0 is all. Default: 50 in a table, else all."
        ),
    ] = None,
) -> None:
    """Query the published forecasts read-only; no other file can be read.

    For example: rossmann sql "SELECT * FROM latest_forecasts WHERE store_id = 1"
    Tables and columns: warehouse/README.md; queries to start from: warehouse/queries.
    """
    text = _text_of(query, file)
    try:
        run_query(text, output=output, limit=limit)
    except BrokenPipeError:  # `rossmann sql … | head` needs no more rows
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


def run_query(query: str, *, output: Format, limit: int | None) -> None:
    """Run a query on the current generation and print its rows.

    Args:
        query: One or more statements; the rows of the last are printed.
        output: Output format.
        limit: Number of rows printed; 0 is all, None is 50 for a table and all otherwise.

    Raises:
        NoDataError: Nothing has been published yet.
        RefusedError: DuckDB refuses the query; its message in one line.
    """
    with (
        _errors_in_one_line(),
        open_generation(current_path(default_settings().published_path)) as connection,
    ):
        if output is Format.TABLE:
            info = read_info(connection)
            _print_table(connection.sql(query), _TABLE_ROWS if limit is None else limit)
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"[dim]generation {info.generation_id}, origin {info.forecast_origin}; "
                "--limit 0 prints all rows[/]"
            )
            return
        result = connection.execute(query)
        names = [column[0] for column in result.description or ()]
        rows = islice(_rows(result), limit or None)
        if output is Format.CSV:
            _print_csv(names, rows)
        else:
            _print_json(names, rows)


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        lines = [line.strip() for line in str(error).splitlines()]
        kept = [line for line in lines if line and set(line) != {"^"}]
        raise RefusedError("; ".join(kept)) from error


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while portion := result.fetchmany(_FETCHED_AT_ONCE):
        yield from portion


def _print_table(rows: duckdb.DuckDBPyRelation | None, limit: int) -> None:
    if rows is None:  # a statement without rows
        return
    terminal = Console()
    width = terminal.width if terminal.is_terminal else _UNLIMITED
    rows.show(max_rows=limit or _UNLIMITED, max_width=width, max_col_width=_UNLIMITED)


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
    """Convert a value for JSON: decimals to numbers, NaN to null, other types to text."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | list | dict) or value is None:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
