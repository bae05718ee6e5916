"""Faults in the two files of a Monday, planted into the files of a replay.

See :mod:`benchmarks.planted_faults` for what notices them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from rossmann_ml.pipeline.replay import ReplayPlace

_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Drop:
    """Files of a Monday, and of the Monday before.

    Attributes:
        place: Folder of the replay.
        monday: Date of the Monday.
    """

    place: ReplayPlace
    monday: date

    def path(self, kind: str, weeks_back: int = 0) -> Path:
        """Return the path of the file of ``sales`` or ``plan``."""
        return self.place.incoming_path / f"{kind}_{self.monday - weeks_back * _WEEK}.csv"

    def change(self, kind: str, **columns: pl.Expr) -> None:
        """Replace columns of a file; all values are text."""
        rows = pl.read_csv(self.path(kind), infer_schema=False)
        rows.with_columns(**columns).write_csv(self.path(kind))

    def send_again(self, kind: str) -> None:
        """Replace a file by that of the Monday before."""
        shutil.copyfile(self.path(kind, weeks_back=1), self.path(kind))


@dataclass(frozen=True)
class Fault:
    """A fault with the function that plants it.

    Attributes:
        name: Short name for commands.
        words: Description for the table.
        plant: Function that changes the files of a Monday.
    """

    name: str
    words: str
    plant: Callable[[Drop], None]


def _promo_inverted(drop: Drop) -> None:
    is_next_week = pl.col("Date").str.to_date() < drop.monday + _WEEK
    inverted = pl.when(pl.col("Promo") == "1").then(pl.lit("0")).otherwise(pl.lit("1"))
    drop.change("plan", Promo=pl.when(is_next_week).then(inverted).otherwise("Promo"))


def _state_closed(drop: Drop) -> None:
    states = pl.read_csv(drop.place.raw_path / "store_states.csv", infer_schema=False)
    stores = states.group_by("State").agg("Store").sort(pl.col("Store").list.len(), "State")
    zero = pl.when(pl.col("Store").is_in(stores["Store"][-1])).then(pl.lit("0"))
    drop.change("sales", **{name: zero.otherwise(name) for name in ("Open", "Sales", "Customers")})


def _thousands(drop: Drop) -> None:
    drop.change("sales", Sales=(pl.col("Sales").cast(pl.Float64) / 1000).cast(pl.String))


def _day_missing(drop: Drop) -> None:
    rows = pl.read_csv(drop.path("sales"), infer_schema=False)
    is_kept = pl.col("Date") != str(drop.monday - timedelta(days=4))
    rows.filter(is_kept).write_csv(drop.path("sales"))


def _file_twice(drop: Drop) -> None:
    lines = drop.path("sales").read_text(encoding="utf-8").splitlines(keepends=True)
    drop.path("sales").write_text("".join([*lines, *lines[1:]]), encoding="utf-8")


def _store_doubled(drop: Drop) -> None:
    doubled = (pl.col("Sales").cast(pl.Float64) * 2).cast(pl.Int64).cast(pl.String)
    drop.change("sales", Sales=pl.when(pl.col("Store") == "1").then(doubled).otherwise("Sales"))


UNTOUCHED = Fault("untouched", "nothing planted", lambda _: None)
FAULTS = (
    Fault("promo-inverted", "promo flag of the week to come inverted in the plan", _promo_inverted),
    Fault("state-closed", "all stores of one state reported closed for a week", _state_closed),
    Fault("thousands", "a week's sales in thousands", _thousands),
    Fault("day-missing", "a Thursday missing from the week's sales", _day_missing),
    Fault(
        "file-again",
        "last week's sales file sent again in place of this week's",
        lambda drop: drop.send_again("sales"),
    ),
    Fault("file-twice", "the week's rows twice in one file", _file_twice),
    Fault(
        "plan-stale",
        "last week's plan sent again in place of this week's",
        lambda drop: drop.send_again("plan"),
    ),
    Fault("store-doubled", "a store whose sales double overnight", _store_doubled),
)
