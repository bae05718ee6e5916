"""Variance of errors nested in time: days within weeks within horizons.

Forecast errors of one origin share something over the whole horizon, something over each week,
and each day has its own. How far a total of several days may be off depends on the three parts.
Belongs here: the parts and how they are estimated; not whose errors they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rossmann_ml.features.grid import FloatArray, IntArray


@dataclass(frozen=True)
class DayErrors:
    """Errors of many series (an origin's chain, an origin's store, ...) by day.

    Attributes:
        series: Shape (rows,), which series a row belongs to, 0, 1, 2, ... without gaps.
        week: Shape (rows,), which week of which series, 0, 1, 2, ... without gaps.
        weight: Shape (rows,), positive; the day's sales forecast.
        error: Shape (rows,), log units.
    """

    series: IntArray
    week: IntArray
    weight: FloatArray
    error: FloatArray


def nested_variance(days: DayErrors) -> FloatArray:
    """Estimate the variance of what a horizon, a week and a day add to an error.

    The method of moments for an unbalanced nested design (Searle, Casella and McCulloch, Variance
    Components, 1992, ch. 5): expected weighted sums of squares, solved from the day upwards. The
    error of a horizon is expected to be 0, so its square counts whole. Negative solutions are 0.

    Returns:
        Shape (3,): the variances of horizon, week and day.
    """
    if not len(days.error):
        return np.zeros(3)

    def add(groups: IntArray, values: FloatArray) -> FloatArray:
        # adds in the order of the rows: the same last bit every time
        return np.asarray(np.bincount(groups, weights=values))

    series_of_week = np.zeros(int(days.week.max()) + 1, dtype=np.int64)
    series_of_week[days.week] = days.series
    weight = days.weight / add(days.series, days.weight)[days.series]
    week_weight = add(days.week, weight)
    week_error = add(days.week, weight * days.error) / week_weight
    horizon_error = add(days.series, weight * days.error)

    # how much of a day's variance is left in the mean of a week and of a horizon
    day_in_weeks = float((add(days.week, weight**2) / week_weight).sum())
    day_in_horizons = float((weight**2).sum())
    week_in_horizons = float((week_weight**2).sum())
    number = len(horizon_error)

    squares = float((weight * (days.error - week_error[days.week]) ** 2).sum())
    day = _solved(squares, number - day_in_weeks)
    squares = float((week_weight * (week_error - horizon_error[series_of_week]) ** 2).sum())
    week = _solved(squares - day * (day_in_weeks - day_in_horizons), number - week_in_horizons)
    squares = float((horizon_error**2).sum())
    horizon = _solved(squares - week * week_in_horizons - day * day_in_horizons, number)
    return np.array([horizon, week, day])


def _solved(squares: float, expected: float) -> float:
    """The variance whose expected sum of squares was found; 0 where there is nothing to tell."""
    # an expectation of 0 (one day a week, one week a horizon) is off by the rounding of its terms
    return max(squares / expected, 0.0) if expected > 1e-9 else 0.0
