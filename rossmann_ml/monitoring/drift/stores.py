"""Find stores whose newest week differs from their own past weeks, by a robust z score.

Entry points: :func:`store_deviations`, :func:`stores_off_level`, and :func:`reopened_stores` for
the stores to leave out. Comparisons over the whole chain,
which a single store does not move, are in :mod:`rossmann_ml.monitoring.drift.windows`.

The score (Iglewicz and Hoaglin, *How to Detect and Handle Outliers*, 1993) is the distance from the
median, divided by a standard deviation that is estimated from the median absolute deviation. Its
input is the median of a week instead of single days, because one odd day does not change a median.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from rossmann_ml.base.params.drift import StoreParams
from rossmann_ml.monitoring.drift.windows import REBUILDING_DAYS

# half a year of weeks determines a store's level and spread
HISTORY_WEEKS = 26
# a store with fewer past weeks has no reliable spread
_MIN_PAST_WEEKS = 8
# in the real data a store sells 1.6 times its level in the week after a closure (median of 81),
# which overlaps with the newest week for this long
_REOPENED_DAYS = 14
# a week with a holiday on Thursday or Friday keeps three days, Monday to Wednesday
_MIN_DAYS_A_WEEK = 3
# 1 over the 75th percentile of the standard normal distribution, 0.6745
_MAD_TO_STANDARD_DEVIATION = 1.4826
# log units; a lower bound, so that a few percent of a very steady store are not a high score
_SMALLEST_SPREAD = 0.03


def store_deviations(sales: pl.DataFrame, *, last_day: date) -> pl.DataFrame:
    """Compare each store's newest week with its own past weeks, without changes of the whole chain.

    The weeks are the seven days up to ``last_day`` (the newest week) and the ``HISTORY_WEEKS``
    weeks before it (the past weeks). Days without sales and days near state holidays are excluded
    (see :func:`_near_holidays`). A store's week is then excluded if fewer than three days remain.

    The deviation of a store-day is its log sales minus the store's median log sales on the days of
    all these weeks with the same weekday and the same ``is_promo``. The median deviation of all
    stores on the day is subtracted. A week's deviation is the median of its days.

    Args:
        sales: ``store_id, day, sales, is_promo, state_holiday`` (a code, ``0`` for none); of
            days outside these weeks only the state holidays are used.
        last_day: Last day of the newest week.

    Returns:
        One row per store that has a newest week and at least 8 past weeks, sorted by absolute
        ``z``, largest first: ``store_id, z, change``. ``z`` is the newest week's deviation minus
        the median deviation of the past weeks, in robust standard deviations of the past weeks.
        ``change`` is the same difference as a relative change of sales: 1.0 if they doubled.
    """
    first_day = last_day - timedelta(days=7 * (HISTORY_WEEKS + 1) - 1)
    near = _near_holidays(sales.filter(pl.col("state_holiday") != "0")["day"].unique())
    deviation = pl.col("log_sales") - pl.col("log_sales").median().over(
        "store_id", "weekday", "is_promo"
    )
    weeks = (
        sales.filter(
            pl.col("day").is_between(first_day, last_day)
            & (pl.col("sales") > 0)
            & ~pl.col("day").is_in(near)
        )
        .with_columns(
            log_sales=pl.col("sales").log(),
            weekday=pl.col("day").dt.weekday(),
            week=(pl.lit(last_day) - pl.col("day")).dt.total_days() // 7,
        )
        .with_columns(deviation=deviation)
        .with_columns(deviation=pl.col("deviation") - pl.col("deviation").median().over("day"))
        .group_by("store_id", "week")
        .agg(pl.col("deviation").median(), days=pl.len())
        .filter(pl.col("days") >= _MIN_DAYS_A_WEEK)
    )
    off_median = (pl.col("deviation") - pl.col("deviation").median()).abs()
    own = (
        weeks.filter(pl.col("week") > 0)
        .group_by("store_id")
        .agg(
            level=pl.col("deviation").median(),
            spread=_MAD_TO_STANDARD_DEVIATION * off_median.median(),
            weeks=pl.len(),
        )
        .filter(pl.col("weeks") >= _MIN_PAST_WEEKS)
    )
    move = pl.col("deviation") - pl.col("level")
    return (
        weeks.filter(pl.col("week") == 0)
        .join(own, on="store_id")
        .select(
            "store_id",
            z=move / pl.max_horizontal("spread", pl.lit(_SMALLEST_SPREAD)),
            change=move.exp() - 1,
        )
        .sort(pl.col("z").abs(), "store_id", descending=[True, False])
    )


def reopened_stores(sales: pl.DataFrame, *, last_day: date) -> list[int]:
    """Return the stores that opened or reopened lately, whose newest week says nothing about drift.

    A store reopened if it sold nothing for ``REBUILDING_DAYS`` or more in a row, and then sold, in
    the two weeks up to ``last_day``.

    Args:
        sales: ``store_id, day, sales``.
        last_day: Last day of the newest week.
    """
    sold = sales.filter(pl.col("day") <= last_day, pl.col("sales") > 0)
    closed = pl.col("day").diff().over("store_id", order_by="day").dt.total_days() - 1
    reopened = sold.filter(
        closed.fill_null(REBUILDING_DAYS) >= REBUILDING_DAYS,
        pl.col("day") > last_day - timedelta(days=_REOPENED_DAYS),
    )
    return reopened["store_id"].unique().sort().to_list()


def _near_holidays(holidays: pl.Series) -> list[date]:
    """Return the days to exclude: each state holiday, and days around it with unusual sales.

    These are one day before and one day after the holiday. If another holiday is at most three days
    away (Christmas, Easter), they are three days before and three after, because people then shop
    over several days, which changes some stores' sales more than others'.

    Args:
        holidays: Dates that are a state holiday in any state.
    """
    known = set(holidays.to_list())
    left_out = set()
    for day in known:
        together = any(day + timedelta(days=days) in known for days in (-3, -2, -1, 1, 2, 3))
        reach = 3 if together else 1
        left_out |= {day + timedelta(days=days) for days in range(-reach, reach + 1)}
    return sorted(left_out)


def stores_off_level(deviations: pl.DataFrame, params: StoreParams) -> pl.DataFrame:
    """Return the stores whose newest week is far above or below their own past weeks.

    Args:
        deviations: Result of :func:`store_deviations`.
        params: Limits of distance and relative change.

    Returns:
        Rows of ``deviations`` that reach both limits.
    """
    far = 1 + params.min_change
    is_far = (pl.col("change") + 1 >= far) | (pl.col("change") + 1 <= 1 / far)
    return deviations.filter((pl.col("z").abs() >= params.min_z) & is_far)
