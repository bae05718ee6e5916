"""Calculate the daily calibration by its definition, day by day in plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import accumulate
from statistics import fmean, median
from typing import Any

Row = dict[str, Any]
LOG_TWO = 0.6931471805599453  # log error from which a day is unusual


def conformal_score(scores: Iterable[float], percent: int) -> float:
    """Return the ceil((n + 1) percent)-th smallest of n scores, by exact fractions.

    See Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005. With too few
    scores for the level the result is the largest one; without scores 0.
    """
    ordered = sorted(scores)
    if not ordered:
        return 0.0
    rank = math.ceil(Fraction((len(ordered) + 1) * percent, 100))
    return ordered[min(rank, len(ordered)) - 1]


def usual_log_ratios(log_ratios: list[float]) -> list[float]:
    """Centre the log ratios of an origin on their median, and leave out unusual days."""
    middle = median(log_ratios)
    return [each - middle for each in log_ratios if abs(each - middle) < LOG_TWO]


def log_shift(origins: Iterable[list[float]]) -> float:
    """Return the median over origins of the log factor with the least squared percentage error.

    The factor c on a forecast p of sales y makes the sum of (c p / y - 1)^2 least where its
    derivative in c is 0: c times the sum of (p / y)^2 is the sum of p / y.
    """
    shifts = []
    for log_ratios in origins:
        ratios = [math.exp(each) for each in usual_log_ratios(log_ratios)]
        if ratios:
            shifts.append(math.log(math.fsum(ratios) / math.fsum(each**2 for each in ratios)))
    return median(shifts) if shifts else 0.0


def scale_of_errors(rows: list[Row]) -> Callable[[Row], float]:
    """Return the function that gives the scale of a store-day, fitted on past forecasts.

    Sizes are absolute log errors of at most 0.7. The scale is the square root of spread times
    expected size. The expected size is that of the store over its days and 100 more of the chain's
    size for such a spread, times a factor of weekday and promotion. From 8 December to 6 January
    the scale has one more factor, by which sizes of these days are divided before.
    """
    sizes = [min(max(abs(_error(row)), 1e-9), 0.7) for row in rows]
    others = [size for row, size in zip(rows, sizes, strict=True) if not _is_christmas(row)]
    at_christmas = [size for row, size in zip(rows, sizes, strict=True) if _is_christmas(row)]
    christmas = 1.0
    if others:
        christmas = math.fsum(at_christmas) / fmean(others) + 100
        christmas /= len(at_christmas) + 100
    factors = [christmas if _is_christmas(row) else 1.0 for row in rows]
    sizes = [size / factor for size, factor in zip(sizes, factors, strict=True)]
    usual, by_type = fmean(sizes), defaultdict(list)
    for row, size in zip(rows, sizes, strict=True):
        by_type[_day_type(row)].append(size)

    def factor(row: Row) -> float:
        own = by_type.get(_day_type(row), [])
        return (math.fsum(own) + 100 * usual) / (len(own) + 100) / usual

    by_store = defaultdict(list)
    for row, size in zip(rows, sizes, strict=True):
        by_store[row["store_id"]].append(size / factor(row))
    per_spread = usual / fmean(row["spread"] for row in rows)

    def scale(row: Row) -> float:
        own = by_store.get(row["store_id"], [])
        size = (math.fsum(own) + 100 * per_spread * row["spread"]) / (len(own) + 100)
        season = christmas if _is_christmas(row) else 1.0
        return season * math.sqrt(row["spread"] * size * factor(row))

    return scale


def _is_christmas(row: Row) -> bool:
    day = row["target_date"]
    return (day.month, day.day) >= (12, 8) or (day.month, day.day) <= (1, 6)


def error_quantile(rows: list[Row], level: float) -> float:
    """Return the quantile of signed errors in units of their scale, minus the median.

    Each origin has the same weight: the quantile is the first error, from below, at which the
    errors so far have a share of at least ``level`` of the weight.
    """
    scale, days = scale_of_errors(rows), defaultdict(int)
    for row in rows:
        days[row["forecast_origin"]] += 1
    scored = sorted((_error(row) / scale(row), 1 / days[row["forecast_origin"]]) for row in rows)
    sums = list(accumulate(weight for _, weight in scored))

    def first(share: float) -> float:
        return next(
            error for (error, _), sum_ in zip(scored, sums, strict=True) if sum_ / sums[-1] >= share
        )

    return first(level) - first(0.5)


def _error(row: Row) -> float:
    return math.log(row["sales"]) - row["log_forecast"]


def _day_type(row: Row) -> tuple[int, bool]:
    return row["target_date"].isoweekday(), bool(row["is_promo"])
