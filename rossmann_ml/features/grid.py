"""Hold store-days in dense arrays: one row per store and one column per day.

:class:`StoreGrid`, :class:`SalesGrid` and :class:`PlanGrid` hold the inputs of features, built from
tables with one row per store-day. The functions count days with an event, such as a promotion. See
the other modules of this package for the features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Flag = TypeVar("Flag", np.bool_, np.int8)

STATE_HOLIDAY_CODES = {"0": 0, "a": 1, "b": 2, "c": 3}
LOOK_DAYS = 14
"""Number of days before and after a day in which most plan features look for events.

Events further away do not affect the day's sales, and past the horizon the plan is only assumed."""


@dataclass(frozen=True)
class StoreGrid:
    """Stores and their attributes; they define the row order of all grids.

    Attributes:
        store_ids: Store numbers, ascending, shape (stores,).
        attributes: One row per store, in the order of ``store_ids``: ``store_id, store_type``
            (``a`` to ``d``), ``assortment`` (``a`` to ``c``), ``state`` (such as ``BY``),
            ``competition_distance_m``, ``competition_open_since`` (date), ``has_promo2``,
            ``promo2_since`` (date), ``promo2_months`` (text such as ``Jan,Apr,Jul,Oct``). Unknown
            values are null.
    """

    store_ids: IntArray
    attributes: pl.DataFrame

    @classmethod
    def from_frame(cls, stores: pl.DataFrame) -> StoreGrid:
        """Build the grid from rows of the warehouse table ``core.dim_store``."""
        ordered = stores.sort("store_id")
        return cls(ordered["store_id"].cast(pl.Int64).to_numpy(), ordered)

    def of_stores(self, rows: IntArray) -> StoreGrid:
        """Return a grid with only some stores, for what-if forecasts of these stores.

        Args:
            rows: Numbers of the rows in this grid to keep.
        """
        return StoreGrid(self.store_ids[rows], self.attributes[rows.tolist()])

    def numbers(self, column: str) -> IntArray:
        """Convert a text attribute to numbers, to group stores: equal texts get equal numbers.

        The numbers depend on the stores in the grid, so they must not be saved. See
        :mod:`rossmann_ml.models.categories` for codes that are saved with a model.

        Args:
            column: Name of the attribute.

        Returns:
            Numbers from 0 upwards, -1 for null, shape (stores,).
        """
        ranks = self.attributes[column].rank("dense").cast(pl.Int64) - 1
        return ranks.fill_null(-1).to_numpy()

    def groups(self) -> IntArray:
        """Number each store's group (combination of store type and assortment), 0 upwards.

        Returns:
            Group numbers, shape (stores,).
        """
        kinds = np.stack([self.numbers("store_type"), self.numbers("assortment")])
        return np.asarray(np.unique(kinds, axis=1, return_inverse=True)[1])

    def positions(self, store_ids: pl.Series) -> IntArray:
        """Look up the grid's row number of each store number.

        Args:
            store_ids: Store numbers, in any order and with repetitions.

        Returns:
            Row numbers, one per item of ``store_ids``.

        Raises:
            ValueError: A store is not in the grid.
        """
        found = np.searchsorted(self.store_ids, store_ids.cast(pl.Int64).to_numpy())
        found = np.minimum(found, len(self.store_ids) - 1)
        if not np.array_equal(self.store_ids[found], store_ids.cast(pl.Int64).to_numpy()):
            missing = sorted(set(store_ids.to_list()) - set(self.store_ids.tolist()))
            raise ValueError(f"stores that are not in the store table: {missing[:5]}")
        return found


@dataclass(frozen=True)
class SalesGrid:
    """Actual sales of all stores, one column per day.

    Attributes:
        first_date: Date of column 0.
        sales: Sales in EUR, shape (stores, days): 0 on closed days, NaN for store-days without a
            row in the data.
    """

    first_date: date
    sales: FloatArray

    @classmethod
    def from_frame(cls, history: pl.DataFrame, stores: StoreGrid) -> SalesGrid:
        """Build the grid from rows ``store_id, sales_date, sales``.

        Columns span the first to the last date of the rows; store-days without a row become NaN.

        Args:
            history: Rows with sales in EUR.
            stores: Stores, in the order of the grid's rows.
        """
        first, shape, place = _layout(history, "sales_date", stores)
        sales = np.full(shape, np.nan)
        sales[place] = history["sales"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return cls(first, sales)

    def until(self, day: date) -> SalesGrid:
        """Return a grid with the columns up to and including a day.

        Features are computed from this grid, so that sales after a forecast origin cannot affect
        them.
        """
        columns = max((day - self.first_date).days + 1, 0)
        return replace(self, sales=self.sales[:, :columns])


@dataclass(frozen=True)
class PlanGrid:
    """The plan of past and future days: what is known in advance about a store-day.

    Attributes:
        first_date: Date of column 0.
        is_open: Whether the store is open, shape (stores, days).
        is_promo: Whether the store runs a promotion, shape (stores, days).
        state_holiday: Kind of state holiday: 0 none, 1 public, 2 Easter, 3 Christmas, shape
            (stores, days).
        is_school_holiday: Whether schools are closed, shape (stores, days).
    """

    first_date: date
    is_open: BoolArray
    is_promo: BoolArray
    state_holiday: NDArray[np.int8]
    is_school_holiday: BoolArray

    @classmethod
    def from_frame(cls, plan: pl.DataFrame, stores: StoreGrid) -> PlanGrid:
        """Build the grid from a table with one row per store-day.

        Store-days without a row count as closed, without promotion and without holiday.

        Args:
            plan: Rows ``store_id, plan_date, is_open, is_promo, state_holiday`` (the retailer's
                code ``0``, ``a``, ``b`` or ``c``), ``is_school_holiday``.
            stores: Stores, in the order of the grid's rows.
        """
        first, shape, place = _layout(plan, "plan_date", stores)

        def filled(values: pl.Series, dtype: type[Flag]) -> NDArray[Flag]:
            array = np.zeros(shape, dtype=dtype)
            array[place] = values.to_numpy()
            return array

        holidays = plan["state_holiday"].replace_strict(
            STATE_HOLIDAY_CODES, default=0, return_dtype=pl.Int8
        )
        return cls(
            first,
            filled(plan["is_open"].fill_null(False), np.bool_),
            filled(plan["is_promo"].fill_null(False), np.bool_),
            filled(holidays, np.int8),
            filled(plan["is_school_holiday"].fill_null(False), np.bool_),
        )

    @property
    def days(self) -> int:
        """Number of columns, one per day."""
        return int(self.is_open.shape[1])

    @property
    def dates(self) -> list[date]:
        """Date of each column."""
        return [self.first_date + timedelta(days=day) for day in range(self.days)]

    def since(self, day: date) -> PlanGrid:
        """Return a grid with the columns from a day on, including that day.

        Plan features of target days are computed from the result to save time, so ``day`` must be
        at least :func:`rossmann_ml.features.plan.look_back_days` days before the target days.
        """
        start = max(self.column(day), 0)
        first_date = self.first_date + timedelta(days=start)
        return self._part((slice(None), slice(start, None)), first_date)

    def of_stores(self, rows: IntArray) -> PlanGrid:
        """Return a copy with only some stores, to change their plan in a what-if forecast.

        Args:
            rows: Numbers of the rows in this grid to keep.
        """
        return self._part(rows, self.first_date)

    def _part(self, index: IntArray | tuple[slice, slice], first_date: date) -> PlanGrid:
        return PlanGrid(
            first_date,
            self.is_open[index],
            self.is_promo[index],
            self.state_holiday[index],
            self.is_school_holiday[index],
        )

    def promotions(self, first: date, days: int) -> BoolArray:
        """Look up which stores run a promotion on consecutive days.

        Args:
            first: First of the days.
            days: Number of days.

        Returns:
            Whether the store runs a promotion, shape (stores, days).

        Raises:
            ValueError: The plan lacks one of the days.
        """
        start = self.column(first)
        if start < 0 or start + days > self.days:
            raise ValueError(
                f"the plan covers {self.first_date} to {self.dates[-1]}, "
                f"not {first} and the {days - 1} days after it"
            )
        return self.is_promo[:, start : start + days]

    def column(self, day: date) -> int:
        """Convert a date to its column number.

        A date before the first column gives a negative number; a date after the last column gives
        a number beyond it.
        """
        return (day - self.first_date).days


def _layout(
    rows: pl.DataFrame, day: str, stores: StoreGrid
) -> tuple[date, tuple[int, int], tuple[IntArray, IntArray]]:
    """Compute where each row of a table goes in an array of shape (stores, days).

    Args:
        rows: Rows with ``store_id`` and a date.
        day: Name of the date column.
        stores: Stores, in the order of the array's rows.

    Returns:
        Date of the array's column 0; shape of the array; row numbers and column numbers in the
        array, one of each per table row.
    """
    dates = rows[day]
    first = dates.min()
    assert isinstance(first, date)  # noqa: S101 - narrows the type for mypy
    columns = (dates - first).dt.total_days().to_numpy()
    shape = (len(stores.store_ids), int(columns.max()) + 1)
    return first, shape, (stores.positions(rows["store_id"]), columns)


def weekdays(first_date: date, days: int) -> IntArray:
    """Return the weekdays (0 is Monday) of consecutive days, shape (days,).

    Args:
        first_date: First of the days.
        days: Number of days.
    """
    return (first_date.weekday() + np.arange(days)) % 7


def days_since(marks: BoolArray, *, cap: int) -> Float32Array:
    """Count the days since the last day with an event, for each row and day.

    Args:
        marks: Whether the day has the event (such as a promotion), shape (rows, days).
        cap: Largest count; also used if there was no event yet.

    Returns:
        Counts, shape (rows, days); 0 on a day with the event.
    """
    column = np.arange(marks.shape[1], dtype=np.int32)
    last = np.maximum.accumulate(np.where(marks, column, -cap), axis=1)
    return np.minimum(column - last, cap).astype(np.float32)


def days_until(marks: BoolArray, *, cap: int) -> Float32Array:
    """Count the days until the next day with an event, for each row and day.

    Args:
        marks: Whether the day has the event (such as a promotion), shape (rows, days).
        cap: Largest count; also used if no event follows.

    Returns:
        Counts, shape (rows, days); 0 on a day with the event.
    """
    return np.ascontiguousarray(days_since(marks[:, ::-1], cap=cap)[:, ::-1])


def days_between_runs(marks: BoolArray, *, cap: int) -> IntArray:
    """Count the days without event between a run and the run before it.

    A run is a series of consecutive days with an event, such as one promotion. The count tells how
    soon a promotion follows another.

    Args:
        marks: Whether the day has the event, shape (rows, days).
        cap: Largest count; also used for the first run.

    Returns:
        Counts, shape (rows, days), the same on all days of a run; -1 on days without the event.
    """
    column = np.arange(marks.shape[1])
    yesterday = np.pad(marks, ((0, 0), (1, 0)))[:, :-1]
    start = np.maximum.accumulate(np.where(marks & ~yesterday, column, 0), axis=1)
    unmarked = days_since(yesterday, cap=cap).astype(np.int64)
    return np.where(marks, np.take_along_axis(unmarked, start, axis=1), -1)


def windowed_sum(values: FloatArray, *, before: int, after: int) -> FloatArray:
    """Sum the columns ``t - before`` to ``t + after`` for every column t.

    Columns beyond the edges of the array count as 0.

    Args:
        values: Values by day, shape (rows, days).
        before: Number of days before each day in its sum.
        after: Number of days after each day in its sum.

    Returns:
        Sums, shape (rows, days).
    """
    days = values.shape[1]
    total = np.zeros((values.shape[0], days + 1))
    np.cumsum(values, axis=1, out=total[:, 1:])
    column = np.arange(days)
    high = np.minimum(column + after + 1, days)
    low = np.maximum(column - before, 0)
    return total[:, high] - total[:, low]


def counts_before(marks: BoolArray) -> FloatArray:
    """Count the days with an event among the 7 days before each day.

    Args:
        marks: Whether the day has the event (such as a promotion), shape (rows, days).

    Returns:
        Counts, shape (rows, days); the day itself is not counted.
    """
    values = marks.astype(np.float64)
    return windowed_sum(values, before=7, after=0) - values


def counts_after(marks: BoolArray) -> FloatArray:
    """Count the days with an event among the 7 days after each day.

    Args:
        marks: Whether the day has the event (such as a promotion), shape (rows, days).

    Returns:
        Counts, shape (rows, days); the day itself is not counted.
    """
    values = marks.astype(np.float64)
    return windowed_sum(values, before=0, after=7) - values


def days_of(values: Float32Array, first: int, days: int) -> Float32Array:
    """Select consecutive days from the values of a feature.

    Args:
        values: Values by day, shape (rows, days), or one value for all days, shape (rows, 1).
        first: Column number of the first day.
        days: Number of days.

    Returns:
        Values, shape (rows, days); unchanged if there is one value for all days.
    """
    return values if values.shape[1] == 1 else values[:, first : first + days]
