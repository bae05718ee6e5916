"""Implement ``rossmann data sample``: show progress, then list the written files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.ingest.sample import write_sample
from rossmann_ml.ingest.sample.writer import EARLIEST_DATE, FIRST_DATE, LAST_DATE


def sample(
    stores: Annotated[int, typer.Option(help="Number of stores.")] = 200,
    seed: Annotated[
        int, typer.Option(help="Seed of the random numbers; another seed gives another chain.")
    ] = 7,
    out: Annotated[Path | None, typer.Option(help="Folder; data/sample if not given.")] = None,
    days: Annotated[int | None, typer.Option(help="Days of sales; 900 if not given.")] = None,
) -> None:
    """Write synthetic data of an invented chain, in the file formats of the Kaggle competition."""
    most_days = (LAST_DATE - EARLIEST_DATE).days + 1
    if days is not None and not 1 <= days <= most_days:
        raise SettingsError(
            f"--days is the number of days of sales up to {LAST_DATE}: 1 to {most_days:,}, "
            f"not {days:,}"
        )
    first_date = FIRST_DATE if days is None else LAST_DATE - timedelta(days=days - 1)
    settings = default_settings()
    folder = settings.sample_path if out is None else out

    console = Console(highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("writing synthetic sales", total=None)
        summary = write_sample(
            folder,
            stores=stores,
            seed=seed,
            first_date=first_date,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )

    console.print(
        f"[bold]Synthetic data[/], {summary.name}: an invented chain, no retailer's figures.\n"
        f"  {folder}  ({summary.bytes_written / 1e6:,.1f} MB)\n"
        f"  train.csv         {summary.sales_rows:>12,} rows, {first_date} to {LAST_DATE}\n"
        f"  test.csv          {summary.plan_rows:>12,} rows, the plan to {summary.plan_last_date}\n"
        f"  store.csv         {stores:>12,} rows\n"
        f"  store_states.csv  {stores:>12,} rows\n"
        f"  dataset.json      marks the folder as synthetic",
        soft_wrap=True,
    )
    is_found = settings.raw_path.resolve() == folder.resolve()
    command = "rossmann refresh" if is_found else f"ROSSMANN_RAW_DIR={folder} rossmann refresh"
    console.print(f"Next: [bold]{escape(command)}[/]", soft_wrap=True)
