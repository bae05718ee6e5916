"""Whether a new vintage goes on where the one before left off: their totals over the same days.

Belongs here: comparing and saying what moved. Holding a publication back, and letting one pass, is
:mod:`rossmann_ml.publish.publishing`'s matter. What moved is not judged right or wrong: a person
does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base.params import ContinuityParams
from rossmann_ml.serving.generations import read_info, reading
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.tables import forecasting, marts

_KEYS = ["store_id", "target_date"]


@dataclass(frozen=True)
class Move:
    """A total of both vintages over the same days.

    Attributes:
        name: Whose total: ``chain, week of 2015-06-22``, ``state BE``, ``store 262``.
        before: EUR, in the vintage that readers have.
        after: EUR, in the new one.
        limit: The largest change that passes, as a share; None: nothing is asked.
    """

    name: str
    before: float
    after: float
    limit: float | None = None

    @property
    def change(self) -> float:
        """How far it moved, as a share of before; 1 where there was nothing before."""
        if self.before > 0:
            return (self.after - self.before) / self.before
        return float(self.after > 0)

    @property
    def is_jump(self) -> bool:
        """Whether it moved further than the limit."""
        return self.limit is not None and abs(self.change) > self.limit

    def __str__(self) -> str:
        limit = "" if self.limit is None else f", expected at most {self.limit:.0%}"
        return (
            f"{self.name} {self.before:,.0f} to {self.after:,.0f} EUR ({self.change:+.1%}{limit})"
        )


@dataclass(frozen=True)
class Continuity:
    """How a new vintage stands to the one that readers have.

    Attributes:
        previous_generation_id: What readers have.
        previous_origin: Its newest origin.
        forecast_origin: The new vintage's origin.
        days: Days that both forecast.
        totals: What is judged: weeks of the chain, store types, states.
        stores: The stores that moved most, in EUR, the furthest first.
    """

    previous_generation_id: str
    previous_origin: date
    forecast_origin: date
    days: int
    totals: tuple[Move, ...]
    stores: tuple[Move, ...]

    @property
    def jumps(self) -> tuple[Move, ...]:
        """Totals that moved too far, the furthest first."""
        found = [move for move in self.totals if move.is_jump]
        return tuple(sorted(found, key=lambda move: -abs(move.change)))

    @property
    def largest(self) -> Move | None:
        """The total that moved most as a share of what is allowed."""
        return max(self.totals, key=lambda move: abs(move.change) / (move.limit or 1), default=None)

    def describe(self) -> str:
        """What moved too far, and the stores that moved most, with figures."""
        return (
            f"totals of origin {self.forecast_origin} moved too far from those that readers have "
            f"(origin {self.previous_origin}, generation {self.previous_generation_id}) over the "
            f"same {self.days} days: {'; '.join(map(str, self.jumps))}. Stores that moved most: "
            f"{'; '.join(map(str, self.stores))}"
        )


def compare_with_published(
    connection: duckdb.DuckDBPyConnection, current: Path, params: ContinuityParams
) -> Continuity | None:
    """Compare the warehouse's newest vintage with that of the generation readers have.

    Only stores that were forecast before are compared, those that no longer are with 0.

    Args:
        connection: The pipeline's database.
        current: The file of the current generation.
        params: The limits.

    Returns:
        None where there is nothing to compare with: the file cannot be read, or the two have no
        day in common.
    """
    try:
        with reading(current) as published:
            info = read_info(published)
            before = read_frame(
                published,
                "SELECT store_id, target_date, sales_forecast AS before FROM latest_forecasts",
            )
    except duckdb.Error:  # a file that is about to be replaced
        return None
    origin = forecasting.newest_origin_between(connection)
    if origin is None:
        return None
    after = forecasting.forecasts(connection, origin).select(*_KEYS, after="sales_forecast")
    days = set(before["target_date"]) & set(after["target_date"])
    if not days:
        return None
    stores = marts.store_segments(connection)
    both = (
        # a store that comes back or opens is no jump, one that is lost is
        before.join(after, on=_KEYS, how="left")
        .filter(pl.col("target_date").is_in(sorted(days)))
        .with_columns(pl.col("after").fill_null(0.0))
        .join(stores, on="store_id", how="left")
        .sort(_KEYS)
    )
    return Continuity(
        previous_generation_id=info.generation_id,
        previous_origin=info.forecast_origin,
        forecast_origin=origin,
        days=len(days),
        totals=(*_weeks(both, params), *_segments(both, params)),
        stores=_stores(both, params),
    )


_SUMS = pl.col("before", "after").sum()


def _weeks(both: pl.DataFrame, params: ContinuityParams) -> list[Move]:
    weeks = (
        both.group_by(week=pl.col("target_date").dt.truncate("1w"))
        .agg(_SUMS, days=pl.col("target_date").n_unique())
        .filter(pl.col("days") >= params.min_week_days)
        .sort("week")
    )
    limit = params.max_chain_week_change
    return [
        Move(f"chain, week of {week}", before, after, limit)
        for week, before, after in weeks.select("week", "before", "after").iter_rows()
    ]


def _segments(both: pl.DataFrame, params: ContinuityParams) -> list[Move]:
    moves = []
    for level in ("store_type", "state"):
        segments = (
            both.group_by(segment=pl.col(level))
            .agg(_SUMS, stores=pl.col("store_id").n_unique())
            .filter(pl.col("stores") >= params.min_segment_stores, pl.col("segment").is_not_null())
            .sort("segment")
        )
        name = level.replace("_", " ")
        moves += [
            Move(f"{name} {segment}", before, after, params.max_segment_change)
            for segment, before, after in segments.select("segment", "before", "after").iter_rows()
        ]
    return moves


def _stores(both: pl.DataFrame, params: ContinuityParams) -> tuple[Move, ...]:
    stores = (
        both.group_by("store_id")
        .agg(_SUMS)
        .sort((pl.col("after") - pl.col("before")).abs(), "store_id", descending=[True, False])
        .head(params.stores_named)
    )
    return tuple(
        Move(f"store {store_id}", before, after)
        for store_id, before, after in stores.select("store_id", "before", "after").iter_rows()
    )
