"""Implement ``rossmann data sample`` and ``rossmann data next-week``."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.output import show
from rossmann_ml.ingest.sample import write_next_week, write_sample
from rossmann_ml.ingest.sample.writer import EARLIEST_DATE, FIRST_DATE, LAST_DATE, PLAN_DAYS


def sample(
    *,
    stores: Annotated[int, typer.Option(help="Number of stores.")] = 200,
    seed: Annotated[
        int, typer.Option(help="Seed of the random numbers; another seed gives another chain.")
    ] = 7,
    out: Annotated[Path | None, typer.Option(help="Folder; data/sample if not given.")] = None,
    days: Annotated[
        int | None, typer.Option(help="Days of sales, instead of --first-date.")
    ] = None,
    first_date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help=f"First day of sales; {FIRST_DATE} if not given.",
        ),
    ] = None,
    last_date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help=f"Last day of sales; {LAST_DATE} if not given.",
        ),
    ] = None,
    plan_days: Annotated[
        int, typer.Option(help="Days of the plan, which starts after the last day of sales.")
    ] = PLAN_DAYS,
) -> None:
    """Write synthetic data of an invented chain, in the file formats of the Kaggle competition."""
    first, last = _sales_days(
        None if first_date is None else first_date.date(),
        LAST_DATE if last_date is None else last_date.date(),
        days,
    )
    settings = default_settings()
    folder = settings.sample_path if out is None else out

    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("writing synthetic sales", total=None)
        summary = write_sample(
            folder,
            stores=stores,
            seed=seed,
            first_date=first,
            last_date=last,
            plan_days=plan_days,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )

    console.print(
        f"[bold]Synthetic data[/], {summary.name}: an invented chain, no retailer's figures.\n"
        f"  {folder}  ({summary.bytes_written / 1e6:,.1f} MB)\n"
        f"  train.csv         {summary.sales_rows:>12,} rows, {first} to {last}\n"
        f"  test.csv          {summary.plan_rows:>12,} rows, the plan to {summary.plan_last_date}\n"
        f"  store.csv         {stores:>12,} rows\n"
        f"  store_states.csv  {stores:>12,} rows\n"
        f"  dataset.json      marks the folder as synthetic",
        soft_wrap=True,
    )
    is_found = settings.raw_path.resolve() == folder.resolve()
    command = "rossmann refresh" if is_found else f"ROSSMANN_RAW_DIR={folder} rossmann refresh"
    console.print(f"Next: [bold]{escape(command)}[/]", soft_wrap=True)


def next_week() -> None:
    """Write the week that follows the sample: its sales, and the plan of the days after it.

    The files go to the incoming folder. Each further call writes the week after the newest one
    there.
    """
    settings = default_settings()
    made = write_next_week(settings.raw_path, settings.incoming_path)
    show(f"{made.sales}  synthetic sales of the week up to {made.last_date}")
    show(f"{made.plan}  the plan up to {made.plan_last_date}")
    show("Next: rossmann refresh")


def _sales_days(first: date | None, last: date, days: int | None) -> tuple[date, date]:
    """Return the first and the last day of sales that the options name.

    Raises:
        SettingsError: The options contradict each other, or name days that cannot land.
    """
    if last > date.today():
        raise SettingsError(
            f"--last-date {last} is after today ({date.today()}): sales of the future cannot land"
        )
    if days is None:
        if first is None and last < FIRST_DATE:
            raise SettingsError(
                f"--last-date {last} is before the first day of sales, {FIRST_DATE} if not given: "
                "name an earlier one with --first-date, or a number of days with --days"
            )
        return first or FIRST_DATE, last
    if first is not None:
        raise SettingsError("--days and --first-date exclude each other")
    most_days = (last - EARLIEST_DATE).days + 1
    if not 1 <= days <= most_days:
        raise SettingsError(
            f"--days is the number of days of sales up to {last}: 1 to {most_days:,}, not {days:,}"
        )
    return last - timedelta(days=days - 1), last
