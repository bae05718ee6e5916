"""Writing a sample to a folder: block by block, all files or none, and never over real data.

What is in the rows is made in the modules beside this one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import filelock
import polars as pl

from rossmann_ml.errors import DataSetMismatchError, SettingsError
from rossmann_ml.sample.calendar import make_calendar
from rossmann_ml.sample.stores import make_stores
from rossmann_ml.sample.tables import header, plan_rows, sales_rows, state_rows, store_rows

# The days of the competition's data, so that a newcomer sees the same shape.
FIRST_DATE = date(2013, 1, 1)
LAST_DATE = date(2015, 6, 19)
PLAN_DAYS = 48

MARKER = "dataset.json"
FILES = ("train.csv", "store.csv", "test.csv", "store_states.csv", MARKER)

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
        bytes_written: Size of all files.
    """

    name: str
    folder: Path
    stores: int
    seed: int
    first_date: date
    last_date: date
    plan_last_date: date
    sales_rows: int
    plan_rows: int
    bytes_written: int


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
        SettingsError: A number or date that makes no sample.
        DataSetMismatchError: The folder holds files that are not a sample, or another process is
            making one there.
    """
    _check_arguments(stores, seed, first_date, last_date, plan_days)
    plan_last_date = last_date + timedelta(days=plan_days)
    with _work_dir(folder) as work:
        calendar = make_calendar(first_date, plan_last_date)
        chain = make_stores(seed, stores)
        total = stores * len(calendar.ordinals)
        history = (last_date - first_date).days + 1
        done = 0

        def advance(days: int) -> None:
            nonlocal done
            done += stores * days
            if progress is not None:
                progress(done, total)

        store_frame, state_frame = store_rows(chain), state_rows(chain)
        _write(work / "store.csv", [store_frame])
        _write(work / "store_states.csv", [state_frame], quoted_header=False)

        def plan_blocks() -> Iterator[pl.DataFrame]:
            first_id = 1
            for rows in _blocks_newest_first(history, len(calendar.ordinals), stores):
                frame = plan_rows(calendar, rows, chain, first_id=first_id)
                first_id += len(frame)
                yield frame
                advance(rows.stop - rows.start)

        def sales_blocks() -> Iterator[pl.DataFrame]:
            for rows in _blocks_newest_first(0, history, stores):
                yield sales_rows(calendar, rows, chain, seed)
                advance(rows.stop - rows.start)

        planned = _write(work / "test.csv", plan_blocks())
        sold = _write(work / "train.csv", sales_blocks())
        summary = SampleSummary(
            name=f"sample-{stores}-{seed}",
            folder=folder,
            stores=stores,
            seed=seed,
            first_date=first_date,
            last_date=last_date,
            plan_last_date=plan_last_date,
            sales_rows=sold,
            plan_rows=planned,
            bytes_written=sum(path.stat().st_size for path in work.iterdir()),
        )
        _write_marker(work / MARKER, summary)
        for name in FILES:
            (work / name).replace(folder / name)
    return summary


def _check_arguments(
    stores: int, seed: int, first_date: date, last_date: date, plan_days: int
) -> None:
    if stores < 1:
        raise SettingsError(f"a sample needs at least 1 store, not {stores}")
    if seed < 0:
        raise SettingsError(f"the seed must be 0 or more, not {seed}")
    if plan_days < 1:
        raise SettingsError(f"the plan must cover at least 1 day, not {plan_days}")
    if last_date < first_date:
        raise SettingsError(f"the last day of sales {last_date} is before the first {first_date}")


@contextmanager
def _work_dir(folder: Path) -> Iterator[Path]:
    """A private folder inside the target, so that moving files out of it is one rename each."""
    _refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / _LOCK_FILE, timeout=0):
            work = folder / _WORK_DIR
            shutil.rmtree(work, ignore_errors=True)  # what a killed run left behind
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except filelock.Timeout as error:
        raise DataSetMismatchError(
            f"another process is making a sample in {folder}: wait for it, or name another folder"
        ) from error


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder whose files are not known to be a sample."""
    if folder.exists() and not folder.is_dir():
        raise DataSetMismatchError(f"{folder} is a file; a sample needs a folder")
    if not folder.exists() or is_sample(folder):
        return
    found = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if found:
        raise DataSetMismatchError(
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
