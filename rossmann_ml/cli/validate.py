"""Command ``rossmann validate``: run the data checks and show the results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.quality import SUITES, CheckResult, SuiteResult, available_suites, run_suites
from rossmann_ml.quality.suite_files import load_suite
from rossmann_ml.warehouse.session import Session


def validate(
    suite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="raw_sales, raw_stores, newest_sales, plan, features or forecasts; may be "
            "repeated. By default all suites whose table exists.",
        ),
    ] = None,
) -> None:
    """Check the tables of the warehouse and show the results.

    The results are stored in quality.data_quality_results and as HTML pages in the state folder.
    The exit code is 2 if a check of error severity fails. A failed check of warning severity does
    not change the exit code.
    """
    console = Console()
    settings = default_settings()
    chosen = list(dict.fromkeys(suite or [])) or available_suites(Session(settings))
    if not chosen:
        raise NoDataError(
            f"{settings.database_path} has no table to check yet: land files first, "
            "with `rossmann data land` or `rossmann refresh`"
        )
    run_id = f"validate-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with console.status(f"Checking {', '.join(chosen)}"):
        results = run_suites(Session(settings), chosen, run_id=run_id)
    for result in results:
        console.print(_checks_table(result))
    if not suite:
        for name in SUITES:
            if name not in chosen:
                table = load_suite(name).table
                console.print(f"{name}: not checked, {table} does not exist yet", markup=False)
    for result in results:
        console.print(result.summary(), markup=False, soft_wrap=True)
    console.print(f"Pages: {settings.data_docs_path / 'index.html'}", markup=False)
    failed = [check for result in results for check in result.failed_errors]
    if failed:
        raise RefusedError(
            f"{len(failed)} check{'' if len(failed) == 1 else 's'} of error severity failed:\n"
            + "\n".join(f"  {check}" for check in failed)
        )


def _checks_table(result: SuiteResult) -> Table:
    """Build the table of a suite's results, one row per check."""
    suite = load_suite(result.suite)
    table = Table(box=SIMPLE_HEAD, title=f"{suite.name}: {suite.table}", title_justify="left")
    for heading in ("check", "column", "observed", "expected", "verdict"):
        table.add_column(heading, overflow="fold")
    for check in result.checks:
        kind = check.check_name.removeprefix("expect_").replace("_", " ")
        cells = (kind, check.column_name or "", check.observed, check.expected)
        table.add_row(*map(escape, cells), _verdict(check))
    return table


def _verdict(check: CheckResult) -> str:
    """Return ``ok``, or the severity of a failed check, with Rich's markup for its colour."""
    if check.is_success:
        return "[green]ok[/]"
    return "[bold red]error[/]" if check.severity == "error" else "[yellow]warning[/]"
