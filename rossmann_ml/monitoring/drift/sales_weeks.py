"""Build the samples of sales: the newest week compared with a similar week about a year before.

Promotions alternate by week, which averages out over six weeks but not in a single week (measured
in docs/drift.md). A single week is therefore compared with the week 51, 52 or 53 weeks earlier that
has the most similar promotions; missing sales rows are compared with the four weeks before. See
:mod:`rossmann_ml.monitoring.drift.windows` for the samples of plan, features and forecasts.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from rossmann_ml.monitoring.drift.windows import (
    CATEGORIES,
    WEEK_DAYS,
    WEEKDAY,
    YEAR_DAYS,
    Sample,
    Window,
    common_rows,
    samples_of,
)

# days back to the weeks whose promotions may be similar: 52, 51 and 53 weeks
_WEEK_SHIFTS = (364, 357, 371)
# the eight weeks before a week give a store's level, with and without promotion
_LEVEL_DAYS = 56
# a store with rows on half of the four weeks before a week is active
_ACTIVE_DAYS = 28
# sales this close to a state holiday change with it, and holidays change their date
_NEAR_HOLIDAY_DAYS = 3
# levels of a week with fewer ordinary days are not compared
_MIN_ORDINARY_DAYS = 2
SALES_HISTORY_DAYS = max(_WEEK_SHIFTS) + WEEK_DAYS + _LEVEL_DAYS
_LEVELS = ("sales_level", "customers_level", "spend_level")


def sales_samples(sales: pl.DataFrame, *, last_day: date) -> list[Sample]:
    """Build the samples of sales: the newest week compared with a week about a year before.

    The earlier week is 51, 52 or 53 weeks before, the one with the most similar promotions. Missing
    sales rows are compared with the four weeks before instead.

    Args:
        sales: ``store_id, state, day, sales, customers, is_open, is_promo, state_holiday`` of
            store-days with a sales row, from ``SALES_HISTORY_DAYS`` before ``last_day`` on.
        last_day: Last day of the newest week.

    Returns:
        One sample for each compared feature, such as the level of sales.
    """
    current = Window(last_day - timedelta(days=WEEK_DAYS - 1), last_day)
    reference = current.before(_promotion_shift(sales, current))
    windows = current, reference
    return [
        *_observed(sales, current),
        *samples_of("sales", CATEGORIES, common_rows(sales, *windows), windows),
        *samples_of("sales", _LEVELS, _levels(sales, *windows), windows),
    ]


def ordinary_days(sales: pl.DataFrame, window: Window) -> list[date]:
    """Return the days of a window that are at least four days away from any state's holidays.

    Args:
        sales: ``day, state_holiday`` of store-days in and around the window.
        window: Days to choose from.
    """
    holidays = sales.filter(pl.col("state_holiday") != "0")["day"].unique().to_list()
    near = {
        holiday + timedelta(days=days)
        for holiday in holidays
        for days in range(-_NEAR_HOLIDAY_DAYS, _NEAR_HOLIDAY_DAYS + 1)
    }
    return [day for day in window.days if day not in near]


def _promotion_shift(sales: pl.DataFrame, current: Window) -> int:
    """Return how many days before the current week its reference week is: 357, 364 or 371.

    The reference week has the most similar promotions. Two weeks differ by the sum, over the seven
    weekdays, of the absolute difference between their shares of stores with promotion, rounded to
    0.1. If several weeks differ equally, the one nearest to 364 days is taken.

    Args:
        sales: ``day, is_promo`` of store-days of all four weeks; a day without rows counts as a day
            without promotion.
        current: Current week.
    """
    by_day = dict(sales.group_by("day").agg(pl.col("is_promo").mean()).iter_rows())

    def difference(shift: int) -> tuple[float, int]:
        moved = sum(
            abs(by_day.get(day, 0.0) - by_day.get(day - timedelta(days=shift), 0.0))
            for day in current.days
        )
        # rounded, because a few stores without rows must not decide for another week
        return round(moved, 1), abs(shift - YEAR_DAYS)

    return min(_WEEK_SHIFTS, key=difference)


def _observed(sales: pl.DataFrame, current: Window) -> list[Sample]:
    """Return the sample that shows missing sales rows, alone in a list.

    It compares the newest week (current) with the four weeks before (reference). The category of a
    store-day says its weekday and whether it has a row, such as ``Mon row`` or ``Mon no row``.
    Stores with rows on fewer than half of the days of the four weeks are left out, because they
    are closed or have just reopened. The list is empty if no store remains.
    """
    past = Window(current.first - timedelta(days=_ACTIVE_DAYS), current.first - timedelta(days=1))
    active = (
        sales.filter(past.has("day"))
        .group_by("store_id")
        .agg(rows=pl.len())
        .filter(pl.col("rows") >= _ACTIVE_DAYS // 2)  # excludes stores that are just reopening
        .select("store_id")
    )
    days = pl.DataFrame({"day": [*past.days, *current.days]})
    row = pl.when("is_there").then(pl.lit("row")).otherwise(pl.lit("no row"))
    rows = (
        active.join(days, how="cross")
        .join(
            sales.select("store_id", "day", is_there=pl.lit(value=True)),
            on=["store_id", "day"],
            how="left",
        )
        .sort("store_id", "day")
        .with_columns(observed_by_weekday=pl.format("{} {}", WEEKDAY, row))
    )
    sides = rows.filter(current.has("day")), rows.filter(past.has("day"))
    return samples_of("sales", ("observed_by_weekday",), sides, (current, past))


def _levels(
    sales: pl.DataFrame, current: Window, reference: Window
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return ``sales_level, customers_level, spend_level`` of store-days in each window.

    A level is the log of sales, customers or sales per customer, minus the store's mean of that log
    on days with the same ``is_promo`` in the eight weeks before its own window.

    The n-th day of the current window is paired with the n-th day of the reference window. A pair
    is used only if both are ordinary days (see :func:`ordinary_days`); the mean uses all days.

    Returns:
        Rows of the current window, and rows of the reference window; both are empty if fewer than
        two pairs of days are used.
    """
    shift = current.first - reference.first
    ordinary_then = set(ordinary_days(sales, reference))
    days = [day for day in ordinary_days(sales, current) if day - shift in ordinary_then]
    if len(days) < _MIN_ORDINARY_DAYS:
        days = []
    logs = sales.filter((pl.col("sales") > 0) & (pl.col("customers") > 0)).with_columns(
        sales_level=pl.col("sales").log(),
        customers_level=pl.col("customers").log(),
        spend_level=(pl.col("sales") / pl.col("customers")).log(),
    )

    def side(window: Window, of_days: list[date]) -> pl.DataFrame:
        before = Window(
            window.first - timedelta(days=_LEVEL_DAYS), window.first - timedelta(days=1)
        )
        cell = ["store_id", "is_promo"]
        own = logs.filter(before.has("day")).group_by(cell).agg(pl.col(_LEVELS).mean())
        return (
            logs.filter(pl.col("day").is_in(of_days))
            .join(own, on=cell, suffix="_own")
            .sort("store_id", "day")
            .select(pl.col(name) - pl.col(f"{name}_own") for name in _LEVELS)
        )

    return side(current, days), side(reference, [day - shift for day in days])
