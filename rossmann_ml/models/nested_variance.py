"""Estimate the variances of forecast errors that are nested in time.

The error on a day is the sum of a part that the whole horizon shares, a part that its week shares,
and a part of the day alone. How uncertain a total of several days is depends on the variances of
the three parts. See :mod:`rossmann_ml.models.total_calibration` for computing the errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rossmann_ml.features.grid import FloatArray, IntArray


@dataclass(frozen=True)
class DayErrors:
    """Daily errors of many series; a series holds the forecasts for one segment from one origin.

    Attributes:
        series: Number of the series, 0, 1, 2, ... without gaps, shape (rows,).
        week: Number of the week, 0, 1, 2, ... without gaps, shape (rows,). Weeks in different
            series have different numbers.
        weight: Sales forecast for the day in EUR, positive, shape (rows,).
        error: Error of that forecast, in log units or in units of a store's spread, shape (rows,).
    """

    series: IntArray
    week: IntArray
    weight: FloatArray
    error: FloatArray


def nested_variance(days: DayErrors) -> FloatArray:
    """Estimate the variances of three parts of an error: the horizon's, the week's and the day's.

    The estimator is the method of moments for an unbalanced nested design (Searle, Casella and
    McCulloch, Variance Components, 1992, ch. 5). It sets the observed weighted sums of squares
    equal to their expected values, and solves for the variance of days, then weeks, then horizons.
    The expected error of a horizon is 0, so no mean is subtracted from it. Negative solutions
    become 0.

    Returns:
        Variances of horizon, week and day, in squared units of ``days.error``, shape (3,); 0 if
        there are no rows.
    """
    if not len(days.error):
        return np.zeros(3)

    def add(groups: IntArray, values: FloatArray) -> FloatArray:
        # bincount adds in the order of the rows, so the sums are bit-identical in every run
        return np.asarray(np.bincount(groups, weights=values))

    series_of_week = np.zeros(int(days.week.max()) + 1, dtype=np.int64)
    series_of_week[days.week] = days.series
    weight = days.weight / add(days.series, days.weight)[days.series]
    week_weight = add(days.week, weight)
    week_error = add(days.week, weight * days.error) / week_weight
    horizon_error = add(days.series, weight * days.error)

    # what remains of a day's (a week's) variance in the means of weeks and horizons, summed up
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


def _solved(squares: float, coefficient: float) -> float:
    """Solve ``variance * coefficient = squares`` for the variance.

    The result is 0 if it would be negative or if the coefficient is about 0.
    """
    # the coefficient is 0 but for rounding if each week has one day, or each horizon one week
    return max(squares / coefficient, 0.0) if coefficient > 1e-9 else 0.0
