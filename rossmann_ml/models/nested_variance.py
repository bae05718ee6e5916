"""Split the variance of forecast errors into the parts of a horizon, its weeks and its days.

The error on a day is the sum of a part that the whole horizon shares, a part that its week shares,
and a part of the day alone. How uncertain a total of several days is depends on the variances of
the three parts. See :mod:`rossmann_ml.models.total_calibration` for computing the errors.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import FloatArray, IntArray


def nested_variance(
    *, series: IntArray, week: IntArray, weight: FloatArray, error: FloatArray
) -> FloatArray:
    """Estimate the variances of the three parts of an error: the horizon's, the week's, the day's.

    The estimator is the method of moments for an unbalanced nested design (Searle, Casella and
    McCulloch, Variance Components, 1992, ch. 5). It sets the observed weighted sums of squares
    equal to their expected values, and solves for the variance of days, then weeks, then horizons.
    The expected error of a horizon is 0, so no mean is subtracted from it. Negative solutions
    become 0.

    Args:
        series: Number of the row's series, shape (rows,). A series is the horizon of one segment
            (such as a state) from one origin. Series are numbered 0, 1, 2, ... without gaps.
        week: Number of the row's week, shape (rows,). Weeks are numbered 0, 1, 2, ... without gaps.
            Numbers are not shared between series.
        weight: Weight of the row: the positive sales forecast of the day, shape (rows,).
        error: Error in log units, shape (rows,).

    Returns:
        Variances of horizon, week and day, in squared units of ``error``, shape (3,); 0 if
        there are no rows.
    """
    if not len(error):
        return np.zeros(3)

    def add(groups: IntArray, values: FloatArray) -> FloatArray:
        # bincount adds in the order of the rows, so the sums are bit-identical in every run
        return np.asarray(np.bincount(groups, weights=values))

    series_of_week = np.zeros(int(week.max()) + 1, dtype=np.int64)
    series_of_week[week] = series
    weight = weight / add(series, weight)[series]
    week_weight = add(week, weight)
    week_error = add(week, weight * error) / week_weight
    horizon_error = add(series, weight * error)

    # what remains of a day's (a week's) variance in the means of weeks and horizons, summed up
    day_in_weeks = float((add(week, weight**2) / week_weight).sum())
    day_in_horizons = float((weight**2).sum())
    week_in_horizons = float((week_weight**2).sum())
    number = len(horizon_error)

    squares = float((weight * (error - week_error[week]) ** 2).sum())
    of_day = _part_variance(squares, number - day_in_weeks)
    squares = float((week_weight * (week_error - horizon_error[series_of_week]) ** 2).sum())
    of_week = _part_variance(
        squares - of_day * (day_in_weeks - day_in_horizons), number - week_in_horizons
    )
    squares = float((horizon_error**2).sum())
    of_horizon = _part_variance(
        squares - of_week * week_in_horizons - of_day * day_in_horizons, number
    )
    return np.array([of_horizon, of_week, of_day])


def _part_variance(squares: float, coefficient: float) -> float:
    """Solve ``variance * coefficient = squares`` for the variance of one part of the errors.

    A negative solution becomes 0. The result is also 0 if the coefficient is about 0, because the
    data then cannot separate this part from another; for example, if each week has only one day,
    the day's part cannot be separated from the week's.

    Args:
        squares: Weighted sum of squares, without the share that the other parts explain.
        coefficient: How much one unit of the variance adds to the expected sum of squares.
    """
    # the coefficient is 0 but for rounding if each week has one day, or each horizon one week
    return max(squares / coefficient, 0.0) if coefficient > 1e-9 else 0.0
