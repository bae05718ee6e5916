"""Command ``rossmann sql``: query the current published generation, read-only."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, Literal, TextIO

import duckdb
import typer

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.signals import stopped_by_signals
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.serving.generations import current_path, read_info, reading
from rossmann_ml.warehouse.connection import one_value

_TABLE_ROWS = 50
# wide and long enough for whole values, whatever a file or another program receives
_UNLIMITED = 1_000_000
# DuckDB prints at most 9,999 rows of a relation, without a word about the others
_ROWS_IN_A_BOX = 9_000
_MOST_CHARACTERS = 1_000_000

Format = Literal["table", "csv", "json"]


def sql(
    query: Annotated[str | None, typer.Argument(help="SQL in DuckDB's dialect.")] = None,
    file: Annotated[
        typer.FileText | None,
        typer.Option(
            "--file", "-f", encoding="utf-8", help="Read the query from a file; - is stdin."
        ),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="Output format.")] = "table",
    limit: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of rows printed; 0 is all. Default: 50 in a table, else all."
        ),
    ] = None,
) -> None:
    """Query the published forecasts, read-only; a query cannot access other files.

    For example: rossmann sql "SELECT * FROM latest_forecasts WHERE store_id = 1"
    Tables and columns: warehouse/README.md; queries to start from: warehouse/queries.
    """
    if (query is None) == (file is None):
        raise typer.BadParameter("give a query, or --file with one")
    text = _text_of(query, file)
    generation = current_path(default_settings().published_path)
    try:
        with reading(generation) as connection:
            if not connection.extract_statements(text):
                raise RefusedError(
                    'the query is empty; expected SQL, such as `rossmann sql "SELECT * FROM '
                    'latest_forecasts LIMIT 5"`'
                )
            # settings such as a log file would let a query write files, or end this process
            if not one_value(connection, bool, "SELECT current_setting('lock_configuration')"):
                connection.execute("SET lock_configuration = true")
            with stopped_by_signals(connection.interrupt):
                _print_rows(connection, text, output, limit)
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        lines = [line.strip() for line in str(error).splitlines()]
        kept = [line for line in lines if line and set(line) != {"^"}]
        raise RefusedError("; ".join(kept)) from error
    except BrokenPipeError:  # `rossmann sql … | head` needs no more rows
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _text_of(query: str | None, file: TextIO | None) -> str:
    """Return the query's text.

    Raises:
        RefusedError: The file is not UTF-8 text, or endless.
    """
    try:
        text = query or (file.read(_MOST_CHARACTERS + 1) if file else "")
    except UnicodeDecodeError as error:
        raise RefusedError(
            f"{getattr(file, 'name', 'the file')}: byte 0x{error.object[error.start]:02X} is not "
            "UTF-8; expected SQL as text in UTF-8"
        ) from error
    if len(text) > _MOST_CHARACTERS:
        raise RefusedError(f"the query is longer than {_MOST_CHARACTERS:,} characters")
    return text


def _print_rows(
    connection: duckdb.DuckDBPyConnection, query: str, output: Format, limit: int | None
) -> None:
    """Run a query and print the rows of its last statement.

    Args:
        connection: Connection to the generation.
        query: SQL, one or several statements.
        output: Format of the rows.
        limit: Largest number of rows to print; 0 for all, None for 50 in a table and all in CSV and
            JSON.
    """
    if output == "table":
        info = read_info(connection)
        _print_table(connection.sql(query), _TABLE_ROWS if limit is None else limit)
        Console(stderr=True, soft_wrap=True).print(
            f"[dim]generation {info.generation_id}, origin {info.forecast_origin}[/]"
        )
        return
    result = connection.execute(query)
    names = [column[0] for column in result.description or ()]
    rows = islice(iter(result.fetchone, None), limit or None)
    if output == "csv":
        _print_csv(names, rows)
    else:
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        if repeated:
            raise RefusedError(
                f"the result has several columns {', '.join(map(repr, repeated))}, which a JSON "
                "object cannot have; name them apart with AS"
            )
        _print_json(names, rows)


def _print_table(rows: duckdb.DuckDBPyRelation | None, limit: int) -> None:
    """Print rows as a table; more than 9,000 rows are printed as several tables.

    Args:
        rows: Result of the query; None if its last statement has no rows.
        limit: Largest number of rows to print; 0 for all.
    """
    if rows is None:  # a statement without rows
        return
    found = (rows.limit(limit + 1) if limit else rows).materialize()
    count = min(len(found), limit or len(found))
    terminal = Console()
    width = terminal.width if terminal.is_terminal else _UNLIMITED
    for first in range(0, max(count, 1), _ROWS_IN_A_BOX):
        box = found.limit(min(_ROWS_IN_A_BOX, count - first), first)
        box.show(max_rows=_ROWS_IN_A_BOX, max_width=width, max_col_width=_UNLIMITED)
    if count < len(found):
        sys.stdout.write(f"the first {limit} rows; --limit 0 prints all\n")


def _print_csv(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in row])


def _print_json(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    separator = "[\n"
    for row in rows:
        values = dict(zip(names, map(_plain, row), strict=True))
        sys.stdout.write(separator + json.dumps(values, ensure_ascii=False))
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _plain(value: Any) -> Any:
    """Convert a value of a query result to one that ``json.dumps`` can write.

    Decimals become floats. NaN and infinity become None. Texts, integers, booleans, None, lists and
    dictionaries are returned unchanged, without converting NaN inside a list. Dates and times
    become ISO text, and values of all other types become their ``str``.
    """
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, str | int) or value is None:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
