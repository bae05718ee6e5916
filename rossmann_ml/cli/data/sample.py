"""What ``rossmann data sample`` shows: progress while files are written, and what was written."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.ingest.sample import SampleSummary, write_sample
from rossmann_ml.ingest.sample.writer import EARLIEST_DATE, FIRST_DATE, LAST_DATE


def make_sample(
    console: Console, *, stores: int, seed: int, out: Path | None, days: int | None
) -> SampleSummary:
    """Make the sample and tell what was written.

    Args:
        console: Where progress and the summary go.
        stores: Number of stores.
        seed: Another seed makes another chain.
        out: The folder; the settings' sample folder when None.
        days: Days of sales up to the sample's last date; the competition's days when None.

    Raises:
        SettingsError: A number that makes no sample.
        DataSetMismatchError: The folder holds files that are not a sample.
    """
    most_days = (LAST_DATE - EARLIEST_DATE).days + 1
    if days is not None and not 1 <= days <= most_days:
        raise SettingsError(
            f"--days is how many days of sales end on {LAST_DATE}: 1 to {most_days:,}, not {days:,}"
        )
    first_date = FIRST_DATE if days is None else LAST_DATE - timedelta(days=days - 1)
    settings = default_settings()
    folder = settings.sample_path if out is None else out

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("writing made sales", total=None)
        summary = write_sample(
            folder,
            stores=stores,
            seed=seed,
            first_date=first_date,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )

    console.print(
        f"[bold]Synthetic data[/], {summary.name}: an invented chain, no retailer's figures.\n"
        f"  {summary.folder}  ({summary.bytes_written / 1e6:,.1f} MB)\n"
        f"  train.csv         {summary.sales_rows:>12,} rows, {summary.first_date} to "
        f"{summary.last_date}\n"
        f"  test.csv          {summary.plan_rows:>12,} rows, the plan to {summary.plan_last_date}\n"
        f"  store.csv         {summary.stores:>12,} rows\n"
        f"  store_states.csv  {summary.stores:>12,} rows\n"
        f"  dataset.json      marks the folder as synthetic",
        soft_wrap=True,
    )
    is_found = settings.raw_path.resolve() == folder.resolve()
    command = "rossmann refresh" if is_found else f"ROSSMANN_RAW_DIR={folder} rossmann refresh"
    console.print(f"Next: [bold]{command}[/]", soft_wrap=True)
    return summary
