"""Scores of public benchmarks, as plain array arithmetic.

See :mod:`benchmarks.public` for the benchmarks. All arrays have the shape (stores, steps), those of
quantiles (stores, steps, levels); a step is a day or a week. Sales that are unknown are NaN and
left out.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import FloatArray

WEEK_DAYS = 7
LEVELS = np.arange(1, 10) / 10
"""Quantile levels of fev-bench; the middle one is the point forecast."""


def add_up(days: FloatArray, step_days: int) -> FloatArray:
    """Add up days to steps; days before the first whole step are left out.

    Args:
        days: Sales in EUR, shape (stores, days), whose last day ends a step.
        step_days: Number of days in a step.

    Returns:
        Sales in EUR, shape (stores, steps); NaN if no day of the step is known.
    """
    stores, width = days.shape
    parts = days[:, width % step_days :].reshape(stores, -1, step_days)
    is_known = np.isfinite(parts).any(axis=2)
    return np.asarray(np.where(is_known, np.nansum(parts, axis=2), np.nan))


def seasonal_scale(past: FloatArray, season: int) -> FloatArray:
    """Return each store's mean absolute change from a step to that a season later.

    Args:
        past: Sales up to the cutoff in EUR, shape (stores, steps).
        season: Number of steps in a season.

    Returns:
        Scale in EUR, shape (stores,).
    """
    return np.asarray(np.nanmean(np.abs(past[:, season:] - past[:, :-season]), axis=1))


def seasonal_naive(past: FloatArray, steps: int, season: int) -> FloatArray:
    """Repeat the last season, after missing steps were filled with the last known value.

    Args:
        past: Sales up to the cutoff in EUR, shape (stores, steps).
        steps: Number of steps to forecast.
        season: Number of steps in a season.

    Returns:
        Forecasts in EUR, shape (stores, steps).
    """
    known = np.where(np.isfinite(past), np.arange(past.shape[1]), 0)
    filled = np.take_along_axis(past, np.maximum.accumulate(known, axis=1), axis=1)
    return np.tile(filled[:, -season:], -(-steps // season))[:, :steps]


def mase(actual: FloatArray, forecast: FloatArray, scale: FloatArray) -> float:
    """Return the mean absolute error over stores and steps, each divided by its store's scale."""
    return float(np.nanmean(np.abs(actual - forecast) / scale[:, None]))


def wape(actual: FloatArray, forecast: FloatArray) -> float:
    """Return the sum of absolute errors divided by the sum of sales."""
    return float(np.nansum(np.abs(actual - forecast)) / np.nansum(actual))


def scaled_quantile_loss(actual: FloatArray, quantiles: FloatArray, scale: FloatArray) -> float:
    """Return the mean quantile loss over stores and steps and levels, divided by the store's scale.

    Args:
        actual: Sales in EUR, shape (stores, steps).
        quantiles: Quantiles at :data:`LEVELS` in EUR, shape (stores, steps, levels).
        scale: Result of :func:`seasonal_scale`, shape (stores,).

    Returns:
        SQL as in fev-bench: twice the pinball loss, so that the loss at 0.5 is the absolute error.
    """
    error = actual[:, :, None] - quantiles
    loss = 2 * np.maximum(LEVELS * error, (LEVELS - 1) * error)
    return float(np.nanmean(loss / scale[:, None, None]))
