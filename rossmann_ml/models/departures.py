"""Take the chain's level of each day out of departures, so that models forecast only stores.

The forecast has two levels. The linear forecast says what the chain sells on a day: there are only
about 900 days to learn that from, and trees fit their noise. Models say how each store departs from
the linear forecast. Their departures are therefore centred, in training and in forecasts: the mean
over the stores that are open on the day is subtracted. See :mod:`rossmann_ml.models.chain_level`
for what corrects the chain's level.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.features.grid import FloatArray, IntArray

DAY = ["forecast_origin", "target_date"]


def mean_departures(panel: pl.DataFrame, departures: FloatArray) -> pl.DataFrame:
    """Compute the mean departure of each day over the stores that are open.

    Args:
        panel: ``forecast_origin, target_date``; and ``is_open``, if it has rows of closed days.
        departures: Departures from the linear forecast in log units, one per row, shape (rows,).

    Returns:
        ``forecast_origin, target_date, mean_departure`` (log units; 0 if no store is open), sorted
        by origin and day. Rows are added in the panel's order, so equal panels give equal bits.
    """
    days, number, is_open = numbered_days(panel)
    counts = np.bincount(number, weights=is_open, minlength=len(days))
    sums = np.bincount(number, weights=departures * is_open, minlength=len(days))
    return days.with_columns(mean_departure=pl.Series(sums / np.maximum(counts, 1)))


def numbered_days(panel: pl.DataFrame) -> tuple[pl.DataFrame, IntArray, FloatArray]:
    """Number the days of a panel.

    Args:
        panel: ``forecast_origin, target_date``; and ``is_open``, if it has rows of closed days.

    Returns:
        ``forecast_origin, target_date``, one row per origin and day, sorted; the position in it of
        each row of the panel; and 1.0 for each row whose store is open, else 0.0, both of shape
        (rows,).
    """
    days = panel.select(DAY).unique().sort(DAY)
    number = panel.select(DAY).join(
        days.with_row_index("number"), on=DAY, how="left", maintain_order="left"
    )["number"]
    is_open = panel["is_open"].to_numpy() if "is_open" in panel.columns else np.ones(len(panel))
    return days, number.cast(pl.Int64).to_numpy(), is_open.astype(np.float64)


def means_of_rows(panel: pl.DataFrame, means: pl.DataFrame) -> FloatArray:
    """Look up the mean departure of each row's day.

    Args:
        panel: ``forecast_origin, target_date``, one row per store-day.
        means: Result of :func:`mean_departures` for the rows of all stores.

    Returns:
        Mean departures in log units, shape (rows,).

    Raises:
        NoDataError: ``means`` lacks a day of the panel.
    """
    of_row = panel.select(DAY).join(means, on=DAY, how="left", maintain_order="left")
    if of_row["mean_departure"].has_nulls():
        without = of_row.filter(pl.col("mean_departure").is_null()).row(0, named=True)
        raise NoDataError(
            f"there is no mean departure of {without['target_date']} for the forecasts from "
            f"{without['forecast_origin']}: run `rossmann refresh`"
        )
    return of_row["mean_departure"].to_numpy()


def centred(panel: pl.DataFrame, departures: FloatArray) -> FloatArray:
    """Subtract from each departure the mean of its day.

    Args:
        panel: Rows of all stores, as for :func:`mean_departures`.
        departures: Departures from the linear forecast in log units, shape (rows,).

    Returns:
        Centred departures in log units, shape (rows,).
    """
    return departures - means_of_rows(panel, mean_departures(panel, departures))
