"""Find stores whose newest week differs from their own past weeks, by a robust z score.

Entry points: :func:`store_deviations`, :func:`stores_off_level`. Comparisons over the whole chain,
which a single store does not move, are in :mod:`rossmann_ml.monitoring.drift.windows`.

The score is that of Iglewicz and Hoaglin (*How to Detect and Handle Outliers*, 1993) with median
and median absolute deviation. It uses weekly medians instead of single days, because one odd day
changes neither the week's median nor the store's spread.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from rossmann_ml.base.drift_params import StoreParams

# half a year of weeks determines a store's level and spread
HISTORY_WEEKS = 26
# a store with fewer past weeks has no reliable spread
_MIN_PAST_WEEKS = 8
# a week with a holiday on Thursday or Friday keeps three days, Monday to Wednesday
_MIN_DAYS_A_WEEK = 3
# 1 over the 75th percentile of the standard normal distribution, 0.6745
_MAD_TO_STANDARD_DEVIATION = 1.4826
# log units; a lower bound, so that a few percent of a very steady store are not a high score
_SMALLEST_SPREAD = 0.03


def store_deviations(sales: pl.DataFrame, *, last_day: date) -> pl.DataFrame:
    """Compare each store's newest week with its own past weeks, after removing the chain's changes.

    A store-day's deviation is its log sales minus the store's median on days of the same weekday
    and promotion over half a year, minus the chain's median deviation on that day. State holidays
    are excluded with one day before and after each, or three if holidays are close together. Weeks
    with fewer than three remaining days are excluded.

    Args:
        sales: ``store_id, day, sales, is_promo, state_holiday`` of ``HISTORY_WEEKS`` + 1 weeks.
        last_day: Last day of the newest week.

    Returns:
        ``store_id, z, change`` of stores with at least 8 past weeks, sorted by absolute ``z``,
        largest first. ``z`` is the newest week's distance from the median of the past weeks in
        robust standard deviations, ``change`` the relative change of sales: 1.0 if they doubled.
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


def _near_holidays(holidays: pl.Series) -> list[date]:
    """Return holidays with the day before and after; three days around consecutive holidays.

    Before and after consecutive holidays (Christmas, Easter) people shop over several days, which
    changes some stores' sales more than others'.
    """
    known = set(holidays.to_list())
    left_out = set()
    for day in known:
        together = any(day + timedelta(days=days) in known for days in (-3, -2, -1, 1, 2, 3))
        reach = 3 if together else 1
        left_out |= {day + timedelta(days=days) for days in range(-reach, reach + 1)}
    return sorted(left_out)


def stores_off_level(deviations: pl.DataFrame, params: StoreParams) -> pl.DataFrame:
    """Return the rows of :func:`store_deviations` beyond both limits, up or down."""
    far = 1 + params.min_change
    is_far = (pl.col("change") + 1 >= far) | (pl.col("change") + 1 <= 1 / far)
    return deviations.filter((pl.col("z").abs() >= params.min_z) & is_far)
