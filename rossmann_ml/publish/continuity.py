"""Compare a new vintage's totals with those of the published one over the same days.

Entry point: :func:`compare_with_published`. If a total changes too much,
:mod:`rossmann_ml.publish.publishing` holds the new generation until a person decides whether the
change is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base.errors import DamagedError
from rossmann_ml.base.params import ContinuityParams
from rossmann_ml.serving.generations import read_info, reading_even_if_busy
from rossmann_ml.warehouse.connection import one_value, read_frame
from rossmann_ml.warehouse.tables import forecasting, marts

_KEYS = ["store_id", "target_date"]
_PUBLISHED_FACTOR = """
    SELECT max_by(sales_unbiased / sales_forecast, days) FROM forecast_horizon_totals
    WHERE level = 'chain' AND forecast_origin = ? AND sales_forecast > 0
"""
_OPENINGS_NAMED = 5


@dataclass(frozen=True)
class Move:
    """Change of one unbiased total from the published vintage to the new one, over the same days.

    Attributes:
        name: Name of the total: ``chain, week of 2015-06-22``, ``state BE``, ``store 262``.
        before: Total in the published vintage, EUR.
        after: Total in the new vintage, EUR.
        limit: Largest allowed change, as a share; None for a total without a limit.
    """

    name: str
    before: float
    after: float
    limit: float | None = None

    @property
    def change(self) -> float:
        """Signed change as a share of `before`.

        If `before` is 0, the change is 1 for a positive `after`, else 0.
        """
        if self.before > 0:
            return (self.after - self.before) / self.before
        return float(self.after > 0)

    @property
    def is_jump(self) -> bool:
        """Whether the change, up or down, exceeds the limit; False without a limit."""
        return self.limit is not None and abs(self.change) > self.limit

    def __str__(self) -> str:
        limit = "" if self.limit is None else f", expected at most {self.limit:.0%}"
        return (
            f"{self.name} {self.before:,.0f} to {self.after:,.0f} EUR ({self.change:+.1%}{limit})"
        )


@dataclass(frozen=True)
class Continuity:
    """Comparison of a new vintage with the published one.

    Attributes:
        previous_generation_id: Id of the current generation.
        previous_origin: Newest forecast origin of the current generation.
        forecast_origin: Forecast origin of the new vintage.
        days: Number of days that both vintages forecast.
        totals: Totals that have limits: weeks of the chain, store types, states.
        stores: Totals of the ``publish.continuity.stores_named`` stores that changed most in EUR,
            up or down, largest change first.
        openings: Stores that the new vintage opens on days on which the previous one had them
            closed because they did not sell. These store-days are not in `totals` and `stores`,
            because the plan announced them.
    """

    previous_generation_id: str
    previous_origin: date
    forecast_origin: date
    days: int
    totals: tuple[Move, ...]
    stores: tuple[Move, ...]
    openings: tuple[Move, ...] = ()

    @property
    def jumps(self) -> tuple[Move, ...]:
        """Totals whose change exceeds the limit, largest change (as a share, up or down) first."""
        found = [move for move in self.totals if move.is_jump]
        return tuple(sorted(found, key=lambda move: -abs(move.change)))

    @property
    def largest(self) -> Move | None:
        """The total with the largest change relative to its limit; None without totals."""
        return max(self.totals, key=lambda move: abs(move.change) / (move.limit or 1), default=None)

    def describe(self) -> str:
        """Return the message to a person that explains why the new generation is held.

        It names the totals that exceed their limit, and the stores with the largest changes.
        """
        return (
            f"totals of origin {self.forecast_origin} moved too far from those that readers have "
            f"(origin {self.previous_origin}, generation {self.previous_generation_id}) over the "
            f"same {self.days} days: {'; '.join(map(str, self.jumps))}. Stores that moved most: "
            f"{'; '.join(map(str, self.stores))}{self._openings()}"
        )

    def _openings(self) -> str:
        if not self.openings:
            return ""
        gained = sum(move.after for move in self.openings)
        return (
            f". Not counted: {gained:,.0f} EUR of {len(self.openings)} stores that the plan now "
            f"opens earlier, {', '.join(move.name for move in self.openings[:_OPENINGS_NAMED])}"
            f"{' and others' if len(self.openings) > _OPENINGS_NAMED else ''}"
        )


def compare_with_published(
    connection: duckdb.DuckDBPyConnection, current: Path, params: ContinuityParams
) -> Continuity | None:
    """Compare the warehouse's newest vintage with that of the current generation.

    Only stores of the current generation are compared, because a store that opens is no reason to
    hold the new generation. For the same reason, days are left out on which a store was closed
    because it did not sell, and now opens. If one of these stores has no new forecast, 0 EUR are
    compared, because the loss of a store is a reason.

    Args:
        connection: Connection to the pipeline's database.
        current: File of the current generation.
        params: Limits of the changes; minimum sizes of the weeks and segments that are compared.

    Returns:
        The comparison; None if the warehouse has no forecasts, or the vintages have no day in
        common.

    Raises:
        RossmannError: The file cannot be read; see
            :func:`rossmann_ml.serving.generations.reading_even_if_busy`.
    """
    with reading_even_if_busy(current) as published:
        info = read_info(published)
        try:
            before = read_frame(
                published,
                "SELECT store_id, target_date, sales_forecast AS before, "
                "plan_source = 'not_selling' AS was_resting FROM latest_forecasts",
            )
            factor = one_value(published, float, _PUBLISHED_FACTOR, [info.forecast_origin])
        except duckdb.Error as error:
            raise DamagedError(f"{current} is damaged: {error}") from error
    origin = forecasting.newest_origin_between(connection)
    if origin is None:
        return None
    after = forecasting.forecasts(connection, origin).select(*_KEYS, after="sales_forecast")
    days = set(before["target_date"]) & set(after["target_date"])
    if not days:
        return None
    stores = marts.store_segments(connection)
    both = (
        # a store that was not forecast before is not a jump, a store that is lost is
        before.join(after, on=_KEYS, how="left")
        .filter(pl.col("target_date").is_in(sorted(days)))
        .with_columns(
            pl.col("before") * (factor or 1.0),
            pl.col("after").fill_null(0.0) * forecasting.unbiased_factor(connection, origin),
        )
        .join(stores, on="store_id", how="left")
        .sort(_KEYS)
    )
    is_opening = pl.col("was_resting") & (pl.col("after") > 0)
    openings, both = both.filter(is_opening), both.filter(~is_opening)
    return Continuity(
        previous_generation_id=info.generation_id,
        previous_origin=info.forecast_origin,
        forecast_origin=origin,
        days=len(days),
        totals=tuple(_totals(both, params)),
        stores=_stores(both)[: params.stores_named],
        openings=_stores(openings),
    )


_SUMS = pl.col("before", "after").sum()


def _totals(both: pl.DataFrame, params: ContinuityParams) -> Iterator[Move]:
    """Yield the totals of the chain's weeks, the store types and the states, with their limits.

    Weeks with fewer than ``min_week_days`` days in `both`, and store types and states with fewer
    than ``min_segment_stores`` stores in it, are skipped.

    Args:
        both: One row per store of the published vintage and day that both vintages have, with the
            columns ``store_id, target_date, before, after, store_type, state``. ``before`` is the
            published forecast and ``after`` the new one, in EUR; 0 if there is no new one.
        params: Limits, and minimum sizes of weeks and segments.
    """
    stores = ("store_id", params.min_segment_stores, params.max_segment_change)
    days = ("target_date", params.min_week_days, params.max_chain_week_change)
    week = pl.col("target_date").dt.truncate("1w")
    for name, part, (counted, least, limit) in (
        ("chain, week of", week, days),
        ("store type", pl.col("store_type"), stores),
        ("state", pl.col("state"), stores),
    ):
        sums = (
            both.group_by(part=part)
            .agg(_SUMS, counted=pl.col(counted).n_unique())
            .filter(pl.col("counted") >= least, pl.col("part").is_not_null())
            .sort("part")
        )
        for value, before, after in sums.select("part", "before", "after").iter_rows():
            yield Move(f"{name} {value}", before, after, limit)


def _stores(both: pl.DataFrame) -> tuple[Move, ...]:
    """Return the totals of the stores, largest change in EUR first; rows as for :func:`_totals`."""
    stores = (
        both.group_by("store_id")
        .agg(_SUMS)
        .sort((pl.col("after") - pl.col("before")).abs(), "store_id", descending=[True, False])
    )
    return tuple(
        Move(f"store {store_id}", before, after)
        for store_id, before, after in stores.select("store_id", "before", "after").iter_rows()
    )
