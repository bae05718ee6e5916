"""Compare the days of a file's rows with the day in its name and with the landed sales.

Entry points: :func:`expected_days`, :func:`separate_misfits`. A few rows of other days, such as a
mistyped year, are quarantined; a file that is mostly about other days is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.base.params.ingest import FileDaysParams, IngestParams
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.formats import FIRST_DAY, LAST_DAY

# A weekly file is about the seven days up to the day in its name.
WEEK = timedelta(days=6)
_MOST_DAYS_NAMED = 5


@dataclass(frozen=True)
class ExpectedDays:
    """Days that the rows of a file may have.

    Attributes:
        first: Oldest day; rows before it do not fit.
        last: Newest day; rows after it do not fit.
        before: Why older days do not fit, as the end of a sentence.
        after: Why newer days do not fit, as the end of a sentence.
    """

    first: date
    last: date
    before: str = ""
    after: str = ""


def expected_days(
    raw_file: RawFile, newest_sales: date | None, limits: FileDaysParams
) -> ExpectedDays:
    """Return the days that fit a file's name and, for a plan, the newest sales.

    Args:
        raw_file: File of sales or plan.
        newest_sales: Newest landed day of sales; None before the first landing.
        limits: How far days may be from the day in the name and from the newest sales.
    """
    day = raw_file.day
    if raw_file.kind == "sales":
        if day is None:
            return ExpectedDays(FIRST_DAY, LAST_DAY)
        return ExpectedDays(
            day - timedelta(days=limits.max_age_days),
            day,
            f"more than {limits.max_age_days} days before the file's name",
            "after the day in the file's name",
        )
    start = newest_sales or day
    ahead = f"more than {limits.max_plan_days_ahead} days after " + (
        "the newest sales" if newest_sales else "the file's name"
    )
    last = LAST_DAY if start is None else start + timedelta(days=limits.max_plan_days_ahead)
    if day is None:
        return ExpectedDays(FIRST_DAY, last, after=ahead)
    return ExpectedDays(day - WEEK, last, "before the week up to the day in the file's name", ahead)


def separate_misfits(
    raw_file: RawFile,
    rows: pl.DataFrame,
    expected: ExpectedDays,
    params: IngestParams,
    usual_stores: int | None,
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Separate rows of days that do not fit the file, and refuse the file if they are many.

    Args:
        raw_file: File of sales or plan.
        rows: Good rows of the file, with ``date`` and ``store``.
        expected: Days that fit.
        params: Largest share of rows that do not fit.
        usual_stores: Number of stores with landed sales on a usual day; None before the first
            landing. A weekly file with rows of half as many on a day is about that day.

    Returns:
        Rows that fit; rows to quarantine; messages that name the days of the latter.

    Raises:
        BadFileError: Too many rows do not fit, or a weekly file has no row of its own days.
    """
    far = _far_days(rows, params.max_quarantined_share) if raw_file.is_bulk else []
    main = _span(rows.filter(~pl.col("date").is_in(far)))
    reason = (
        pl.when(pl.col("date") < expected.first)
        .then(pl.lit(f"Date is {expected.before} (before {expected.first})"))
        .when(pl.col("date") > expected.last)
        .then(pl.lit(f"Date is {expected.after} (after {expected.last})"))
        .when(pl.col("date").is_in(far))
        .then(pl.lit(f"Date is far from the file's other days ({main[0]} to {main[1]})"))
    )
    judged = rows.with_columns(reason=reason)
    misfits = judged.filter(pl.col("reason").is_not_null())
    fitting = judged.filter(pl.col("reason").is_null()).drop("reason")
    set_aside = misfits.select(
        "line_number", pl.lit("Date").alias("column_name"), "reason", "row_text"
    )
    if misfits.height > params.days.max_misfit_share * rows.height:
        raise BadFileError(
            f"{raw_file.path}: {misfits.height:,} of {rows.height:,} rows "
            f"({misfits.height / rows.height:.1%}) are of days that do not fit the file: "
            f"{_described(misfits)}. Expected days from {expected.first} to {expected.last} in at "
            f"least {1 - params.days.max_misfit_share:.0%} of the rows "
            "(ingest.days.max_misfit_share in params.yaml); nothing of the file was landed. "
            f"First in line {misfits['line_number'][0]}"
        )
    warnings = [f"rows quarantined, because their {why}" for why in _by_reason(misfits)]
    if raw_file.day is not None:
        if raw_file.kind == "sales":
            _require_own_week(raw_file, raw_file.day, fitting, usual_stores)
        else:
            warnings += _require_days_ahead(raw_file, raw_file.day, fitting)
    return fitting, set_aside, tuple(warnings)


def _require_own_week(
    raw_file: RawFile, day: date, rows: pl.DataFrame, usual_stores: int | None
) -> None:
    """Raise if whole days of the chain are in the file, but none of the week up to its name.

    A file with a few stores only passes: it corrects their older days.
    """
    of_days = rows.group_by("date").agg(stores=pl.col("store").n_unique())
    usual = pl.lit(usual_stores) if usual_stores else pl.col("stores").max()
    whole = of_days.filter(pl.col("stores") * 2 >= usual)["date"]
    if whole.is_empty() or (whole >= day - WEEK).any():
        return
    raise BadFileError(
        f"{raw_file.path}: the name says {day}, but the rows of most stores are of other days: "
        f"{_described(rows)}. Expected days from {day - WEEK} to {day}; nothing of the file was "
        f"landed. If the rows are right, name the file after their last day: "
        f"sales_{whole.sort()[-1]}.csv"
    )


def _require_days_ahead(raw_file: RawFile, day: date, rows: pl.DataFrame) -> list[str]:
    """Raise if a plan has no day after its name; return a message about days up to it."""
    past = rows.filter(pl.col("date") <= day)
    if past.height == rows.height:
        raise BadFileError(
            f"{raw_file.path}: the name says {day}, but no row of the plan is of a later day: "
            f"{_described(rows)}. Expected days after {day}; nothing of the file was landed"
        )
    if past.is_empty():
        return []
    return [f"rows of days up to the day in the plan's name: {_described(past)}"]


def _far_days(rows: pl.DataFrame, largest_share: float) -> list[date]:
    """List the days of a bulk file that are far from nearly all of its rows.

    Days more than four weeks apart are in different runs; apart from the largest run, runs that
    together have at most `largest_share` of the rows are far. A history with a long gap has two
    large runs.
    """
    days = rows.group_by("date").len().sort("date")
    run = (pl.col("date").diff().dt.total_days() > 28).fill_null(value=False).cum_sum()
    runs = days.with_columns(run=run).group_by("run").agg(pl.col("len").sum(), pl.col("date"))
    others = runs.sort("len").head(-1)
    is_far = pl.col("len").cum_sum() <= largest_share * rows.height
    return others.filter(is_far)["date"].explode().drop_nulls().to_list()


def _by_reason(misfits: pl.DataFrame) -> list[str]:
    return [
        f"{reason!s}: {_described(of_reason)}"
        for (reason,), of_reason in misfits.group_by(["reason"], maintain_order=True)
    ]


def _span(rows: pl.DataFrame) -> tuple[date, date]:
    days = rows["date"].sort()
    return days[0], days[-1]


def _described(rows: pl.DataFrame) -> str:
    """Describe how many rows are of which days, such as ``60 rows of 2015-05-30``."""
    days = rows["date"].unique().sort()
    if len(days) > _MOST_DAYS_NAMED:
        named = f"{len(days):,} days from {days[0]} to {days[-1]}"
    else:
        named = ", ".join(map(str, days))
    return f"{rows.height:,} {'row' if rows.height == 1 else 'rows'} of {named}"
