"""Write the files of a synthetic sample into a folder, never over the retailer's files.

Entry point: :func:`write_sample`. The files have the competition's columns, row order and quotes.
Store-days are computed and written in blocks of days, so that large samples fit in memory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import filelock
import numpy as np
import numpy.typing as npt
import polars as pl

from rossmann_ml.base.errors import BusyError, RefusedError, SettingsError
from rossmann_ml.ingest.data_set import MARKER_NAME
from rossmann_ml.ingest.formats import FIRST_YEAR, LAST_YEAR
from rossmann_ml.ingest.sample.calendar import HOLIDAY_CODES, STATES, ChainCalendar, make_calendar
from rossmann_ml.ingest.sample.sales import has_rows, make_sales, opening
from rossmann_ml.ingest.sample.stores import (
    ASSORTMENTS,
    PROMO_INTERVALS,
    STORE_TYPES,
    Stores,
    make_stores,
)

# The dates of the competition's data, so that the sample has the same size.
FIRST_DATE = date(2013, 1, 1)
LAST_DATE = date(2015, 6, 19)
PLAN_DAYS = 48

# Limits: a year inside the years that files may have, because rules look at the days around, and a
# machine's memory.
EARLIEST_DATE = date(FIRST_YEAR + 1, 1, 1)
LATEST_DATE = date(LAST_YEAR - 1, 12, 31)
MOST_PLAN_DAYS = 365
MOST_STORES = 1_000_000

# The marker is moved into the folder first, so that sales are never in an unmarked folder.
FILES = (MARKER_NAME, "store.csv", "store_states.csv", "test.csv", "train.csv")

# Rows in memory at a time, about 250 bytes each.
_ROWS_PER_BLOCK = 500_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SampleSummary:
    """Name, last date of the plan and sizes of a written sample.

    Attributes:
        name: Name of the data set, ``sample-<stores>-<seed>``.
        plan_last_date: Last date of ``test.csv``, which starts the day after the last sales.
        sales_rows: Number of rows of ``train.csv``.
        plan_rows: Number of rows of ``test.csv``.
        bytes_written: Total size of the four CSV files, in bytes.
    """

    name: str
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
    """Write a synthetic chain of stores in the files of the competition.

    The same arguments give the same bytes. An older sample in the folder stays until all new files
    are complete. The plan in ``test.csv`` covers the 48 days after `last_date`.

    Args:
        folder: Folder for ``train.csv``, ``store.csv``, ``test.csv``, ``store_states.csv`` and
            the marker ``dataset.json``; created if missing.
        stores: Number of stores, numbered from 1.
        seed: Seed of the random numbers. Store k and its sales depend on the seed, not on the
            number of stores.
        first_date: First date of sales.
        last_date: Last date of sales.
        plan_days: Number of days of the plan, which starts the day after the last sales.
        progress: Called after every block with the store-days done and the total store-days.

    Raises:
        SettingsError: A number or date is out of range, or the folder cannot be written.
        RefusedError: The folder has files that are not a sample.
        BusyError: Another process writes a sample there.
    """
    _check_arguments(stores, seed, first_date, last_date, plan_days)
    plan_last_date = last_date + timedelta(days=plan_days)
    try:
        with _work_dir(folder) as work:
            calendar = make_calendar(first_date, plan_last_date)
            chain = make_stores(seed, stores)
            _store_rows(chain).write_csv(work / "store.csv", quote_style="non_numeric")
            states = {"Store": np.arange(1, stores + 1), "State": _named(STATES, chain.state)}
            pl.DataFrame(states).write_csv(work / "store_states.csv")
            # the calendar has the newest day first, and so the plan before the sales
            write = partial(_write_days, calendar=calendar, stores=chain, progress=progress)
            plan_rows = write(work / "test.csv", range(plan_days), seed=None)
            sales_rows = write(
                work / "train.csv", range(plan_days, len(calendar.ordinals)), seed=seed
            )
            summary = SampleSummary(
                name=f"sample-{stores}-{seed}",
                plan_last_date=plan_last_date,
                sales_rows=sales_rows,
                plan_rows=plan_rows,
                bytes_written=sum(path.stat().st_size for path in work.iterdir()),
            )
            marker = {
                "name": summary.name,
                "is_synthetic": True,
                "is_historical": True,
                "made_by": "rossmann data sample",
                "stores": stores,
                "seed": seed,
                "first_date": f"{first_date}",
                "last_date": f"{last_date}",
                "plan_last_date": f"{plan_last_date}",
                "sales_rows": sales_rows,
                "plan_rows": plan_rows,
            }
            (work / MARKER_NAME).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
            for name in FILES:
                (work / name).replace(folder / name)
    except OSError as error:
        raise SettingsError(f"no sample could be written to {folder}: {error}") from error
    return summary


def _check_arguments(
    stores: int, seed: int, first_date: date, last_date: date, plan_days: int
) -> None:
    if not 1 <= stores <= MOST_STORES:
        raise SettingsError(f"a sample has 1 to {MOST_STORES:,} stores, not {stores:,}")
    if seed < 0:
        raise SettingsError(f"the seed of a sample is 0 or more, not {seed}")
    if last_date < first_date:
        raise SettingsError(f"the last day of sales {last_date} is before the first {first_date}")
    if first_date < EARLIEST_DATE or last_date > LATEST_DATE:
        raise SettingsError(
            f"the sales of a sample are between {EARLIEST_DATE} and {LATEST_DATE}, "
            f"not {first_date} to {last_date}"
        )
    if not 1 <= plan_days <= MOST_PLAN_DAYS:
        raise SettingsError(
            f"the plan of a sample has 1 to {MOST_PLAN_DAYS} days, not {plan_days:,}"
        )


@contextmanager
def _work_dir(folder: Path) -> Iterator[Path]:
    """Yield a hidden subfolder of `folder` for files that are not finished; remove it at the end.

    The subfolder is on the same disk as `folder`, so that the caller can move each finished file
    into `folder` by one rename.

    Args:
        folder: Folder of the sample; created if missing.

    Raises:
        RefusedError: The folder has files but no marker of a sample.
        BusyError: Another process writes a sample there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if found and not is_sample(folder):
        raise RefusedError(
            f"{folder} holds {', '.join(found[:5])}{', …' if len(found) > 5 else ''} and no "
            f"{MARKER_NAME} of a sample: nothing was written, because synthetic and real data are "
            "never mixed. Name another folder with --out, or empty this one"
        )
    work = folder / ".making"
    try:
        with filelock.FileLock(folder / ".making.lock", timeout=0):
            shutil.rmtree(work, ignore_errors=True)  # a killed run leaves its files
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except filelock.Timeout as error:
        raise BusyError(
            f"another process is making a sample in {folder}: wait for it, or name another folder"
        ) from error


def is_sample(folder: Path) -> bool:
    """Return whether a folder has a synthetic sample, according to its marker."""
    try:
        marker = json.loads((folder / MARKER_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(marker, dict) and marker.get("is_synthetic") is True


def _write_days(
    path: Path,
    days: range,
    *,
    seed: int | None,
    calendar: ChainCalendar,
    stores: Stores,
    progress: Progress | None,
) -> int:
    """Write ``train.csv``, or ``test.csv`` if `seed` is None, in blocks of up to 500,000 rows.

    A block has whole days and at least one, so that it is larger for more than 500,000 stores.

    Args:
        path: File to write.
        days: Row numbers of the calendar's days to write; row 0 is the newest day.
        seed: Seed of the sales; None for ``test.csv``, which has no sales.
        calendar: Calendar of the whole sample.
        stores: Stores of the chain.
        progress: Called after every block with the store-days done and the total store-days.

    Returns:
        Number of rows written.
    """
    written = 0
    per_block = max(1, _ROWS_PER_BLOCK // len(stores))
    with path.open("wb") as file:
        for start in days[::per_block]:
            rows = slice(start, min(start + per_block, days.stop))
            frame = _day_rows(calendar, rows, stores, seed)
            if start == days.start:
                frame.clear().write_csv(file, quote_style="non_numeric")
            frame.write_csv(file, include_header=False, quote_style="never")
            written += frame.height
            if progress is not None:
                progress(len(stores) * rows.stop, len(stores) * len(calendar.ordinals))
    return written


def _day_rows(
    calendar: ChainCalendar, rows: slice, stores: Stores, seed: int | None
) -> pl.DataFrame:
    """Return rows of ``train.csv``, or of ``test.csv`` if `seed` is None.

    The newest day is first; the rows of a day are in the order of store numbers. Values of the
    holiday columns contain their quotes, because the competition's files quote them but not dates.

    Args:
        calendar: Calendar of the whole sample.
        rows: Row numbers of the calendar's days to return.
        stores: Stores of the chain.
        seed: Seed of the sales; None for ``test.csv``, which has no sales.
    """
    ordinals, count = calendar.ordinals[rows], len(stores)
    each = np.repeat(np.arange(len(ordinals)), count)
    figures: dict[str, npt.NDArray[np.int64]] = {}
    if seed is not None:
        sales, customers = make_sales(calendar, rows, stores, seed)
        figures = {"Sales": sales.ravel(), "Customers": customers.ravel()}
    frame = pl.DataFrame(
        {
            "Store": np.tile(np.arange(1, count + 1), len(ordinals)),
            "DayOfWeek": calendar.day_of_week[rows][each],
            "Date": pl.Series([date.fromordinal(day) for day in ordinals.tolist()]).gather(each),
            **figures,
            "Open": opening(calendar, rows, stores).ravel().astype(np.int8),
            "Promo": calendar.is_promo[rows].astype(np.int8)[each],
            "StateHoliday": _named(
                [f'"{code}"' for code in HOLIDAY_CODES],
                calendar.holiday_code[rows][:, stores.state],
            ),
            "SchoolHoliday": _named(
                ['"0"', '"1"'], calendar.is_school_holiday[rows][:, stores.state]
            ),
        }
    )
    if seed is None:
        return frame.with_row_index("Id", offset=1 + rows.start * count)
    return frame.filter(has_rows(calendar, rows, stores).ravel())


def _named(names: Sequence[str], index: npt.NDArray[np.generic]) -> pl.Series:
    return pl.Series(names).gather(index.astype(np.uint32).ravel())


def _store_rows(stores: Stores) -> pl.DataFrame:
    """Return the rows of ``store.csv``; an unknown value is an empty field."""
    has_promo2, is_known = pl.col("Promo2") == 1, pl.col("since") >= 0
    return pl.DataFrame(
        {
            "Store": np.arange(1, len(stores) + 1),
            "StoreType": _named(STORE_TYPES, stores.store_type),
            "Assortment": _named(ASSORTMENTS, stores.assortment),
            "CompetitionDistance": stores.competition_distance_m,
            "since": stores.competition_since,
            "Promo2": (stores.promo2_year > 0).astype(np.int8),
            "Promo2SinceWeek": stores.promo2_week,
            "Promo2SinceYear": stores.promo2_year,
            "PromoInterval": _named(PROMO_INTERVALS, stores.promo_interval),
        }
    ).select(
        "Store",
        "StoreType",
        "Assortment",
        pl.col("CompetitionDistance").fill_nan(None).cast(pl.Int64),
        pl.when(is_known).then(pl.col("since") % 12 + 1).alias("CompetitionOpenSinceMonth"),
        pl.when(is_known).then(pl.col("since") // 12).alias("CompetitionOpenSinceYear"),
        "Promo2",
        pl.when(has_promo2).then("Promo2SinceWeek"),
        pl.when(has_promo2).then("Promo2SinceYear"),
        "PromoInterval",
    )
