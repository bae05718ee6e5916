"""Writing a sample to a folder: block by block, all files or none, and never over real data.

What is in the rows is made in the modules beside this one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import filelock
import polars as pl

from rossmann_ml.base.errors import BusyError, RefusedError, SettingsError
from rossmann_ml.ingest.sample.calendar import make_calendar
from rossmann_ml.ingest.sample.stores import make_stores
from rossmann_ml.ingest.sample.tables import header, plan_rows, sales_rows, state_rows, store_rows

# The days of the competition's data, so that a newcomer sees the same shape.
FIRST_DATE = date(2013, 1, 1)
LAST_DATE = date(2015, 6, 19)
PLAN_DAYS = 48

# Beyond these the calendar or the machine's memory gives no believable sample.
EARLIEST_DATE = date(1991, 1, 1)
LATEST_DATE = date(2099, 12, 31)
MOST_STORES = 1_000_000

MARKER = "dataset.json"
# In the order in which they appear: sales never lie in a folder that is not marked.
FILES = (MARKER, "store.csv", "store_states.csv", "test.csv", "train.csv")

# What a block of days may hold; about 250 bytes a row are in memory at a time.
_ROWS_PER_BLOCK = 500_000
_WORK_DIR = ".making"
_LOCK_FILE = ".making.lock"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SampleSummary:
    """What was written.

    Attributes:
        name: The data set's name, ``sample-<stores>-<seed>``.
        folder: Where the files are.
        stores: Number of stores.
        seed: The seed.
        first_date: First day of ``train.csv``.
        last_date: Last day of ``train.csv``.
        plan_last_date: Last day of ``test.csv``, which starts the day after ``last_date``.
        sales_rows: Rows of ``train.csv``.
        plan_rows: Rows of ``test.csv``.
        bytes_written: Size of the data files.
    """

    name: str
    folder: Path
    stores: int
    seed: int
    first_date: date
    last_date: date
    plan_last_date: date
    sales_rows: int = 0
    plan_rows: int = 0
    bytes_written: int = 0


def write_sample(
    folder: Path,
    *,
    stores: int,
    seed: int,
    first_date: date = FIRST_DATE,
    last_date: date = LAST_DATE,
    plan_days: int = PLAN_DAYS,
    progress: Progress | None = None,
) -> SampleSummary:
    """Write a made chain of stores in the files of the competition.

    The same arguments give the same bytes. The files appear together when all are written; an
    older sample in the folder stays until then.

    Args:
        folder: Where ``train.csv``, ``store.csv``, ``test.csv``, ``store_states.csv`` and the
            marker ``dataset.json`` are written; made if missing.
        stores: Number of stores, numbered from 1.
        seed: Another seed is another chain; a store is the same for every number of stores.
        first_date: First day of sales.
        last_date: Last day of sales.
        plan_days: Days after ``last_date`` whose plan is in ``test.csv``.
        progress: Called after every block with store-days done and store-days in all.

    Raises:
        SettingsError: A number or date that makes no sample, or a folder that cannot be written.
        RefusedError: The folder holds files that are not a sample.
        BusyError: Another process is making a sample there.
    """
    _check_arguments(stores, seed, first_date, last_date, plan_days)
    try:
        with _work_dir(folder) as work:
            summary = _make_files(
                work,
                SampleSummary(
                    name=f"sample-{stores}-{seed}",
                    folder=folder,
                    stores=stores,
                    seed=seed,
                    first_date=first_date,
                    last_date=last_date,
                    plan_last_date=last_date + timedelta(days=plan_days),
                ),
                progress,
            )
            for name in FILES:
                (work / name).replace(folder / name)
    except OSError as error:
        raise SettingsError(f"no sample could be written to {folder}: {error}") from error
    return summary


def _make_files(work: Path, plan: SampleSummary, progress: Progress | None) -> SampleSummary:
    """Write all files of a sample and return the summary with their sizes."""
    calendar = make_calendar(plan.first_date, plan.plan_last_date)
    chain = make_stores(plan.seed, plan.stores)
    history = (plan.last_date - plan.first_date).days + 1
    total = plan.stores * len(calendar.ordinals)
    done = 0

    def advance(rows: slice) -> None:
        nonlocal done
        done += plan.stores * (rows.stop - rows.start)
        if progress is not None:
            progress(done, total)

    def plan_blocks() -> Iterator[pl.DataFrame]:
        first_id = 1
        for rows in _blocks_newest_first(history, len(calendar.ordinals), plan.stores):
            frame = plan_rows(calendar, rows, chain, first_id=first_id)
            first_id += len(frame)
            yield frame
            advance(rows)

    def sales_blocks() -> Iterator[pl.DataFrame]:
        for rows in _blocks_newest_first(0, history, plan.stores):
            yield sales_rows(calendar, rows, chain, plan.seed)
            advance(rows)

    _write(work / "store.csv", [store_rows(chain)])
    _write(work / "store_states.csv", [state_rows(chain)], quoted_header=False)
    planned = _write(work / "test.csv", plan_blocks())
    sold = _write(work / "train.csv", sales_blocks())
    size = sum(path.stat().st_size for path in work.iterdir())
    summary = replace(plan, sales_rows=sold, plan_rows=planned, bytes_written=size)
    _write_marker(work / MARKER, summary)
    return summary


def _check_arguments(
    stores: int, seed: int, first_date: date, last_date: date, plan_days: int
) -> None:
    if not 1 <= stores <= MOST_STORES:
        raise SettingsError(f"a sample has 1 to {MOST_STORES:,} stores, not {stores:,}")
    if seed < 0:
        raise SettingsError(f"the seed of a sample is 0 or more, not {seed}")
    if not 1 <= plan_days <= 366:
        raise SettingsError(f"the plan of a sample covers 1 to 366 days, not {plan_days}")
    if last_date < first_date:
        raise SettingsError(f"the last day of sales {last_date} is before the first {first_date}")
    if first_date < EARLIEST_DATE or last_date > LATEST_DATE:
        raise SettingsError(
            f"the sales of a sample lie between {EARLIEST_DATE} and {LATEST_DATE}, "
            f"not {first_date} to {last_date}"
        )


@contextmanager
def _work_dir(folder: Path) -> Iterator[Path]:
    """A private folder inside the target, so that moving files out of it is one rename each."""
    _refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / _LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BusyError(
            f"another process is making a sample in {folder}: wait for it, or name another folder"
        ) from error
    work = folder / _WORK_DIR
    try:
        shutil.rmtree(work, ignore_errors=True)  # what a killed run left behind
        work.mkdir()
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        lock.release()


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder whose files are not known to be a sample."""
    if folder.exists() and not folder.is_dir():
        raise RefusedError(f"{folder} is a file; a sample needs a folder")
    if not folder.exists() or is_sample(folder):
        return
    found = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if found:
        raise RefusedError(
            f"{folder} holds {', '.join(found[:5])}{', …' if len(found) > 5 else ''} and no "
            f"{MARKER} of a sample: nothing was written, because made and real data are never "
            "mixed. Name another folder with --out, or empty this one"
        )


def is_sample(folder: Path) -> bool:
    """Tell whether a folder's marker says that its files are synthetic."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(marker, dict) and marker.get("is_synthetic") is True


def _blocks_newest_first(first_row: int, end_row: int, stores: int) -> Iterator[slice]:
    days = max(1, _ROWS_PER_BLOCK // stores)
    for end in range(end_row, first_row, -days):
        yield slice(max(first_row, end - days), end)


def _write(path: Path, frames: Iterable[pl.DataFrame], *, quoted_header: bool = True) -> int:
    """Write frames one below the other and return the number of rows."""
    rows = 0
    with path.open("wb") as file:
        for number, frame in enumerate(frames):
            if number == 0:
                file.write(header(frame.columns, quoted=quoted_header))
            frame.write_csv(file, include_header=False, quote_style="never")
            rows += len(frame)
    return rows


def _write_marker(path: Path, summary: SampleSummary) -> None:
    facts = asdict(summary)
    for left_out in ("folder", "bytes_written"):
        facts.pop(left_out)
    marker = {
        "name": facts.pop("name"),
        "is_synthetic": True,
        "is_historical": True,
        "made_by": "rossmann data sample",
        **facts,
    }
    path.write_text(json.dumps(marker, indent=2, default=str) + "\n", encoding="utf-8")
