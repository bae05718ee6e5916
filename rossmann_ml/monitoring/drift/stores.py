"""Stores whose newest week left their own level: a robust z score for every store.

Belongs here: that score. Comparisons of distributions over the chain, which a single store does
not move, are in :mod:`rossmann_ml.monitoring.drift.windows`.

The score is Iglewicz and Hoaglin's (*How to Detect and Handle Outliers*, 1993) with median and
median absolute deviation, on weekly deviations instead of single values: one odd day moves neither
the week's median nor the store's own spread.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from rossmann_ml.base.drift_params import StoreParams

# half a year: the level and the spread of a store's own weeks
HISTORY_WEEKS = 26
# with fewer weeks of its own a store's spread is not known, and it is not judged
_MIN_PAST_WEEKS = 8
# what is left of a week with a holiday on a Thursday or a Friday: Monday to Wednesday
_MIN_DAYS_A_WEEK = 3
# of a normal distribution: 1 over the 75th percentile, 0.6745
_MAD_TO_STANDARD_DEVIATION = 1.4826
# log units; the spread of a very steady store, so that a few percent are not many deviations
_SMALLEST_SPREAD = 0.03


def store_deviations(sales: pl.DataFrame, *, last_day: date) -> pl.DataFrame:
    """How far each store's newest week lies off its own level, beside its own weeks before.

    A store-day's deviation is its log sales minus the store's median on such days (weekday and
    promotion) over half a year, minus the chain's median deviation on that day. State holidays and
    the days beside them are left out, and three days about Christmas and Easter; a week with fewer
    than three days left is not judged.

    Args:
        sales: ``store_id, day, sales, is_promo, state_holiday``, ``HISTORY_WEEKS`` + 1 weeks back.
        last_day: The last day of the newest week.

    Returns:
        ``store_id, z, change`` of stores that can be judged, the farthest off first; ``change`` is
        the move as a share, 1.0 for a level that doubled.
    """
    first_day = last_day - timedelta(days=7 * (HISTORY_WEEKS + 1) - 1)
    beside = _beside_holidays(sales.filter(pl.col("state_holiday") != "0")["day"].unique())
    deviation = pl.col("log_sales") - pl.col("log_sales").median().over(
        "store_id", "weekday", "is_promo"
    )
    weeks = (
        sales.filter(
            pl.col("day").is_between(first_day, last_day)
            & (pl.col("sales") > 0)
            & ~pl.col("day").is_in(beside)
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


def _beside_holidays(holidays: pl.Series) -> list[date]:
    """Holidays and the day before and after; three days about Christmas and Easter.

    For holidays that lie together people shop over days, some stores' customers more than others'.
    """
    known = set(holidays.to_list())
    left_out = set()
    for day in known:
        together = any(day + timedelta(days=days) in known for days in (-3, -2, -1, 1, 2, 3))
        reach = 3 if together else 1
        left_out |= {day + timedelta(days=days) for days in range(-reach, reach + 1)}
    return sorted(left_out)


def stores_off_level(deviations: pl.DataFrame, params: StoreParams) -> pl.DataFrame:
    """Those of :func:`store_deviations` that left their level, up or down."""
    far = 1 + params.min_change
    is_far = (pl.col("change") + 1 >= far) | (pl.col("change") + 1 <= 1 / far)
    return deviations.filter((pl.col("z").abs() >= params.min_z) & is_far)
