"""Scores of public benchmarks, as plain array arithmetic.

See :mod:`benchmarks.public` for the benchmarks. All arrays have the shape (stores, days), quantiles
(stores, days, levels); sales that are unknown are NaN and left out.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import FloatArray

SEASON_DAYS = 7
LEVELS = np.arange(1, 10) / 10
"""Quantile levels of fev-bench; the middle one is the point forecast."""


def seasonal_scale(past: FloatArray) -> FloatArray:
    """Return each store's mean absolute change from a day to the same weekday a week later.

    Args:
        past: Sales up to the cutoff in EUR, shape (stores, days).

    Returns:
        Scale in EUR, shape (stores,).
    """
    return np.asarray(np.nanmean(np.abs(past[:, SEASON_DAYS:] - past[:, :-SEASON_DAYS]), axis=1))


def seasonal_naive(past: FloatArray, horizon_days: int) -> FloatArray:
    """Repeat the last week, after missing days were filled with the last known value.

    Args:
        past: Sales up to the cutoff in EUR, shape (stores, days).
        horizon_days: Number of days to forecast.

    Returns:
        Forecasts in EUR, shape (stores, horizon_days).
    """
    known = np.where(np.isfinite(past), np.arange(past.shape[1]), 0)
    filled = np.take_along_axis(past, np.maximum.accumulate(known, axis=1), axis=1)
    weeks = -(-horizon_days // SEASON_DAYS)
    return np.tile(filled[:, -SEASON_DAYS:], weeks)[:, :horizon_days]


def mase(actual: FloatArray, forecast: FloatArray, scale: FloatArray) -> float:
    """Return the mean absolute error over store-days, each divided by its store's scale."""
    return float(np.nanmean(np.abs(actual - forecast) / scale[:, None]))


def wape(actual: FloatArray, forecast: FloatArray) -> float:
    """Return the sum of absolute errors divided by the sum of sales."""
    return float(np.nansum(np.abs(actual - forecast)) / np.nansum(actual))


def scaled_quantile_loss(actual: FloatArray, quantiles: FloatArray, scale: FloatArray) -> float:
    """Return the mean quantile loss over store-days and levels, divided by the store's scale.

    Args:
        actual: Sales in EUR, shape (stores, days).
        quantiles: Quantiles at :data:`LEVELS` in EUR, shape (stores, days, levels).
        scale: Result of :func:`seasonal_scale`, shape (stores,).

    Returns:
        SQL as in fev-bench: twice the pinball loss, so that the loss at 0.5 is the absolute error.
    """
    error = actual[:, :, None] - quantiles
    loss = 2 * np.maximum(LEVELS * error, (LEVELS - 1) * error)
    return float(np.nanmean(loss / scale[:, None, None]))
