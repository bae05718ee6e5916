"""Compute two simple baselines, with which the accuracy of models is compared.

The baselines are seasonal naive and the store-weekday-promo median. Both use only the plan, and
sales of the 365 days up to the origin; they could be computed in a spreadsheet. Both are NaN for a
store without sales in these 365 days. Seasonal naive is also NaN on a weekday on which the store
had no sales in them.
"""

from __future__ import annotations

import warnings
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.features.cell_means import CELLS, cell_numbers
from rossmann_ml.features.grid import FloatArray, weekdays
from rossmann_ml.features.panel import FeatureInputs

SEASONAL_NAIVE = "seasonal_naive"
MEDIAN = "store_weekday_promo_median"
_LOOK_BACK_DAYS = 365  # including the origin


def baseline_forecasts(
    inputs: FeatureInputs, *, forecast_origin: date, horizon_days: int
) -> pl.DataFrame:
    """Compute both baselines for all stores and target days, as if every day were open.

    Both use the store's sales on the 365 days up to the origin, without days that had no sales.
    ``seasonal_naive`` repeats the newest sales on the same weekday, because daily sales follow a
    weekly season. ``store_weekday_promo_median`` is the median sales on days with the same weekday
    and promotion. For a store without sales on days like that, it is the median on days with the
    same weekday; without sales on that weekday, the median on all days.

    Args:
        inputs: Stores, sales and plan; sales after the origin are ignored.
        forecast_origin: Last day whose sales are known.
        horizon_days: Number of target days after the origin.

    Returns:
        ``store_id, target_date, seasonal_naive, store_weekday_promo_median``; forecasts in EUR, NaN
        if the store has no sales to compute them from.
    """
    known = inputs.sales.until(forecast_origin)
    sales = np.where(known.sales > 0, known.sales, np.nan)[:, -_LOOK_BACK_DAYS:]
    days = sales.shape[1]
    first_past = forecast_origin - timedelta(days=days - 1)
    first_target = forecast_origin + timedelta(days=1)
    start = inputs.plan.column(first_past)
    promo = inputs.plan.is_promo[:, start : start + days + horizon_days]
    past_cells = cell_numbers(weekdays(first_past, days), promo[:, :days])
    target_cells = cell_numbers(weekdays(first_target, horizon_days), promo[:, days:])

    stores = len(inputs.stores.store_ids)
    first = np.datetime64(first_target, "D")
    naive = _newest_by_weekday(sales, past_cells % 7)
    median = _medians_by_cell(sales, past_cells)
    return pl.DataFrame(
        {
            "store_id": np.repeat(inputs.stores.store_ids.astype(np.int32), horizon_days),
            "target_date": np.tile(first + np.arange(horizon_days), stores),
            SEASONAL_NAIVE: np.take_along_axis(naive, target_cells % 7, axis=1).reshape(-1),
            MEDIAN: np.take_along_axis(median, target_cells, axis=1).reshape(-1),
        }
    )


def _newest_by_weekday(sales: FloatArray, past_weekdays: np.ndarray) -> FloatArray:
    newest = np.full((sales.shape[0], 7), np.nan)
    for column in range(sales.shape[1]):
        there = ~np.isnan(sales[:, column])
        newest[there, past_weekdays[there, column]] = sales[there, column]
    return newest


def _medians_by_cell(sales: FloatArray, past_cells: np.ndarray) -> FloatArray:
    def medians(groups: np.ndarray, number: int) -> FloatArray:
        of_each = [np.where(groups == group, sales, np.nan) for group in range(number)]
        return np.stack([np.nanmedian(values, axis=1) for values in of_each], axis=1)

    with warnings.catch_warnings():
        # cells without days are NaN here and filled below
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        of_cell, of_weekday = medians(past_cells, CELLS), medians(past_cells % 7, 7)
        of_store = np.nanmedian(sales, axis=1)[:, None]
    of_cell = np.where(np.isnan(of_cell), np.tile(of_weekday, 2), of_cell)
    return np.where(np.isnan(of_cell), of_store, of_cell)
