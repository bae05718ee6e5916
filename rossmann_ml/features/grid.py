"""Store-days as dense arrays: one row a store, one column a day.

Belongs here: turning the long tables of the warehouse into arrays, and looking up columns of
dates. What is computed from the arrays belongs to the feature modules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

STATE_HOLIDAY_CODES = {"0": 0, "a": 1, "b": 2, "c": 3}
LOOK_DAYS = 14
"""Days to either side of a day beyond which nothing of a plan shows in its sales; past the horizon
the plan is filled by rule."""


@dataclass(frozen=True)
class StoreGrid:
    """Stores and their attributes, in the order of the grid's rows.

    Attributes:
        store_ids: Shape (stores,), ascending.
        attributes: One row a store: ``store_id, store_type, assortment, state,
            competition_distance_m, competition_open_since, has_promo2, promo2_since,
            promo2_months``.
    """

    store_ids: IntArray
    attributes: pl.DataFrame

    @classmethod
    def from_frame(cls, stores: pl.DataFrame) -> StoreGrid:
        """Take the stores of ``core.dim_store``."""
        ordered = stores.sort("store_id")
        return cls(ordered["store_id"].cast(pl.Int64).to_numpy(), ordered)

    def of_stores(self, rows: IntArray) -> StoreGrid:
        """The grid with the rows of some stores alone."""
        return StoreGrid(self.store_ids[rows], self.attributes[rows.tolist()])

    def numbers(self, column: str) -> IntArray:
        """Number the values of a text attribute that these stores have; -1 where it is unknown.

        Good for grouping these stores. A model has codes of its own, which do not change when a
        store does (:mod:`rossmann_ml.models.categories`).
        """
        values = self.attributes[column]
        known = sorted(set(values.drop_nulls().to_list()))
        return (
            values.replace_strict(known, list(range(len(known))), default=-1, return_dtype=pl.Int64)
            .fill_null(-1)
            .to_numpy()
        )

    def groups(self) -> IntArray:
        """Number of each store's group (type and assortment), 0 upwards."""
        kinds = np.stack([self.numbers("store_type"), self.numbers("assortment")])
        return np.asarray(np.unique(kinds, axis=1, return_inverse=True)[1])

    def positions(self, store_ids: pl.Series) -> IntArray:
        """Row numbers of stores, which all must be in the grid."""
        found = np.searchsorted(self.store_ids, store_ids.cast(pl.Int64).to_numpy())
        found = np.minimum(found, len(self.store_ids) - 1)
        if not np.array_equal(self.store_ids[found], store_ids.cast(pl.Int64).to_numpy()):
            missing = sorted(set(store_ids.to_list()) - set(self.store_ids.tolist()))
            raise ValueError(f"stores that are not in the store table: {missing[:5]}")
        return found


@dataclass(frozen=True)
class SalesGrid:
    """Sales as they came true.

    Attributes:
        first_date: The date of column 0.
        sales: Shape (stores, days), NaN where nothing was observed.
    """

    first_date: date
    sales: FloatArray

    @classmethod
    def from_frame(cls, history: pl.DataFrame, stores: StoreGrid) -> SalesGrid:
        """Take rows ``store_id, sales_date, sales``; missing days become NaN."""
        first = _first_date(history["sales_date"])
        days = (_last_date(history["sales_date"]) - first).days + 1
        place = (stores.positions(history["store_id"]), _day_numbers(history["sales_date"], first))
        sales = np.full((len(stores.store_ids), days), np.nan)
        sales[place] = history["sales"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return cls(first, sales)

    def until(self, day: date) -> SalesGrid:
        """The grid with all columns after a day cut off."""
        columns = max((day - self.first_date).days + 1, 0)
        return replace(self, sales=self.sales[:, :columns])


@dataclass(frozen=True)
class PlanGrid:
    """What the retailer knows in advance, past and future.

    Attributes:
        first_date: The date of column 0.
        is_open: Shape (stores, days).
        is_promo: Shape (stores, days).
        state_holiday: Shape (stores, days), see ``STATE_HOLIDAY_CODES``.
        is_school_holiday: Shape (stores, days).
    """

    first_date: date
    is_open: BoolArray
    is_promo: BoolArray
    state_holiday: NDArray[np.int8]
    is_school_holiday: BoolArray

    @classmethod
    def from_frame(cls, plan: pl.DataFrame, stores: StoreGrid) -> PlanGrid:
        """Take rows ``store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday``.

        Store-days without a row are closed, without promotion or holiday.
        """
        first = _first_date(plan["plan_date"])
        days = (_last_date(plan["plan_date"]) - first).days + 1
        place = (stores.positions(plan["store_id"]), _day_numbers(plan["plan_date"], first))

        def filled(values: pl.Series, dtype: type[np.generic]) -> NDArray[np.generic]:
            array = np.zeros((len(stores.store_ids), days), dtype=dtype)
            array[place] = values.to_numpy()
            return array

        holidays = plan["state_holiday"].replace_strict(
            STATE_HOLIDAY_CODES, default=0, return_dtype=pl.Int8
        )
        return cls(
            first,
            filled(plan["is_open"].fill_null(False), np.bool_),  # type: ignore[arg-type]
            filled(plan["is_promo"].fill_null(False), np.bool_),  # type: ignore[arg-type]
            filled(holidays, np.int8),  # type: ignore[arg-type]
            filled(plan["is_school_holiday"].fill_null(False), np.bool_),  # type: ignore[arg-type]
        )

    @property
    def days(self) -> int:
        """Number of columns."""
        return int(self.is_open.shape[1])

    @property
    def dates(self) -> list[date]:
        """The date of every column."""
        return [self.first_date + timedelta(days=day) for day in range(self.days)]

    def since(self, day: date) -> PlanGrid:
        """The grid with all columns before a day cut off."""
        start = max(self.column(day), 0)
        return PlanGrid(
            self.first_date + timedelta(days=start),
            self.is_open[:, start:],
            self.is_promo[:, start:],
            self.state_holiday[:, start:],
            self.is_school_holiday[:, start:],
        )

    def of_stores(self, rows: IntArray) -> PlanGrid:
        """A copy with the rows of some stores alone."""
        return PlanGrid(
            self.first_date,
            self.is_open[rows],
            self.is_promo[rows],
            self.state_holiday[rows],
            self.is_school_holiday[rows],
        )

    def column(self, day: date) -> int:
        """The column of a date."""
        return (day - self.first_date).days


def _first_date(dates: pl.Series) -> date:
    value = dates.min()
    assert isinstance(value, date)  # noqa: S101 - tells the type checker what polars returns
    return value


def _last_date(dates: pl.Series) -> date:
    value = dates.max()
    assert isinstance(value, date)  # noqa: S101 - tells the type checker what polars returns
    return value


def _day_numbers(dates: pl.Series, first: date) -> IntArray:
    return (dates - first).dt.total_days().to_numpy()


def weekdays(first_date: date, days: int) -> IntArray:
    """Weekday of every column, 0 is Monday."""
    return (first_date.weekday() + np.arange(days)) % 7


def days_since(marks: BoolArray, *, cap: int) -> Float32Array:
    """Days since the last marked day (0 on it), per row; ``cap`` where longer ago or never."""
    column = np.arange(marks.shape[1], dtype=np.int32)
    last = np.maximum.accumulate(np.where(marks, column, -cap), axis=1)
    return np.minimum(column - last, cap).astype(np.float32)


def days_until(marks: BoolArray, *, cap: int) -> Float32Array:
    """Days until the next marked day (0 on it), per row; ``cap`` where further off or never."""
    return np.ascontiguousarray(days_since(marks[:, ::-1], cap=cap)[:, ::-1])


def days_between_runs(marks: BoolArray, *, cap: int) -> IntArray:
    """Unmarked days between the run of marked days that a day is in and the run before it.

    Args:
        marks: Shape (rows, days).
        cap: Where the run before is further off or unknown.

    Returns:
        Shape (rows, days); -1 on unmarked days.
    """
    column = np.arange(marks.shape[1])
    yesterday = np.pad(marks, ((0, 0), (1, 0)))[:, :-1]
    start = np.maximum.accumulate(np.where(marks & ~yesterday, column, 0), axis=1)
    unmarked = days_since(yesterday, cap=cap).astype(np.int64)
    return np.where(marks, np.take_along_axis(unmarked, start, axis=1), -1)


def windowed_sum(values: FloatArray, *, before: int, after: int) -> FloatArray:
    """Sum over the columns ``t - before`` to ``t + after``; beyond the edges counts as zero."""
    days = values.shape[1]
    total = np.zeros((values.shape[0], days + 1))
    np.cumsum(values, axis=1, out=total[:, 1:])
    column = np.arange(days)
    high = np.minimum(column + after + 1, days)
    low = np.maximum(column - before, 0)
    return total[:, high] - total[:, low]


def counts_before(marks: BoolArray) -> FloatArray:
    """Marked days among the 7 days before each day, per row."""
    values = marks.astype(np.float64)
    return windowed_sum(values, before=7, after=0) - values


def counts_after(marks: BoolArray) -> FloatArray:
    """Marked days among the 7 days after each day, per row."""
    values = marks.astype(np.float64)
    return windowed_sum(values, before=0, after=7) - values


def days_of(values: Float32Array, first: int, days: int) -> Float32Array:
    """Columns of some days; what is the same on every day keeps its one column.

    Args:
        values: Shape (rows, days) or (rows, 1).
        first: The first day's number.
        days: How many.
    """
    return values if values.shape[1] == 1 else values[:, first : first + days]


def concatenate(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Rows of several frames of the same columns, in the order given."""
    return pl.concat(list(parts), how="vertical")
