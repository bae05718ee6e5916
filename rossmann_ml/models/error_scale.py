"""Estimate how large the log error of a forecast for a store-day usually is.

:class:`ErrorScale` is fitted on the errors of out-of-fold forecasts: by store, by weekday and
promotion, and around Christmas. :func:`interval_spread` needs no forecasts: it measures how far a
store's sales are from its own past. See :mod:`rossmann_ml.models.calibration` for the quantiles
that the scale stretches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from rossmann_ml.features.grid import BoolArray, FloatArray, IntArray

# Weekdays (1 is Monday) without and with a promotion.
DAY_TYPES = [f"{weekday}{promo}" for weekday in range(1, 8) for promo in ("", " promo")]
# Days around Christmas, when forecasts are least sure: from 8 December to 6 January.
_CHRISTMAS_FROM, _CHRISTMAS_TO = (12, 8), (1, 6)
# Number of days for which the prior counts, as if so many had an error of the expected size.
_PRIOR_DAYS = 100
# Limits of absolute log errors in the fit: single days on which a store sells half or twice the
# forecast do not widen all its intervals, and no scale is 0.
_LEAST_ERROR, _LARGEST_ERROR = 1e-9, 0.7
# Bounds of the standard deviation of a store's residuals, which scales its intervals.
_SPREAD_BOUNDS = (0.05, 0.5)
# Typical spread of a store, for stores whose spread is unknown.
_USUAL_SPREAD = 0.15
# Standard deviation of the level among stores of one type and assortment (log units), which is the
# uncertainty about a store without history. It falls to 1/e every so many observed days.
_NEW_STORE_SPREAD = 0.35
_NEW_STORE_DAYS = 20.0


@dataclass(frozen=True)
class ErrorScale:
    """Sizes of past errors, from which the size of the error of any store-day is estimated.

    The sizes are absolute log errors between 1e-9 and 0.7; larger errors count as 0.7.

    Attributes:
        typical: Mean size divided by the mean spread.
        christmas: Mean size from 8 December to 6 January divided by the mean size of other days,
            with 100 days of that mean size included. In the other attributes, sizes of days around
            Christmas are divided by it.
        day_types: Mean size on a weekday (1 is Monday) without or with a promotion (``"1"``,
            ``"1 promo"``, …), divided by the mean size of all days. Each mean includes 100
            days of the mean size of all days, so that few days have little influence.
        stores: By store, the sum of the sizes after division by the factor of the day's type, and
            the number of days.
    """

    typical: float
    christmas: float
    day_types: dict[str, float]
    stores: dict[int, tuple[float, int]]

    @classmethod
    def fit(cls, out_of_fold: pl.DataFrame) -> ErrorScale:
        """Compute sizes of errors from out-of-fold forecasts.

        Args:
            out_of_fold: Rows as for :meth:`rossmann_ml.models.calibration.Calibration.fit`, always
                in the same order, so that rounding is the same in every run.
        """
        error = out_of_fold["log_forecast"].to_numpy() - np.log(out_of_fold["sales"].to_numpy())
        size = np.clip(np.abs(error), _LEAST_ERROR, _LARGEST_ERROR)
        is_christmas = _is_christmas(out_of_fold)
        christmas = 1.0
        if not is_christmas.all():
            at_christmas = size[is_christmas]
            expected = size[~is_christmas].mean()
            christmas = float(at_christmas.sum() / expected + _PRIOR_DAYS)
            christmas /= len(at_christmas) + _PRIOR_DAYS
        size = size / np.where(is_christmas, christmas, 1.0)
        usual, day_type = size.mean(), _day_types(out_of_fold)
        sums = np.bincount(day_type, weights=size, minlength=len(DAY_TYPES))
        days = np.bincount(day_type, minlength=len(DAY_TYPES))
        factors = (sums / usual + _PRIOR_DAYS) / (days + _PRIOR_DAYS)
        stores, store = np.unique(out_of_fold["store_id"].to_numpy(), return_inverse=True)
        sums = np.bincount(store, weights=size / factors[day_type])
        known = zip(sums.tolist(), np.bincount(store).tolist(), strict=True)
        return cls(
            typical=float(usual / out_of_fold["spread"].to_numpy().mean()),
            christmas=christmas,
            day_types=dict(zip(DAY_TYPES, factors.tolist(), strict=True)),
            stores=dict(zip(stores.tolist(), known, strict=True)),
        )

    def of(self, rows: pl.DataFrame) -> FloatArray:
        """Compute the scale of the log error of each coming day.

        It is that of :meth:`of_past`, but on days around Christmas with the root of their factor:
        a coming Christmas is forecast with one more of them known.

        Args:
            rows: ``store_id, target_date, is_promo`` and ``spread`` (log units, see
                :func:`interval_spread`).

        Returns:
            Scale in log units, shape (rows,); above 0.
        """
        return self._scale(rows, self.christmas**0.5)

    def of_past(self, rows: pl.DataFrame) -> FloatArray:
        """Compute the scale of the log error of each past day that was used for fitting.

        The scale is the geometric mean of the spread and the expected size of the error, times the
        factor of Christmas on days from 8 December to 6 January. That size is the factor of the
        day's type times the mean size of the store's errors, in which the typical size for the
        row's spread counts for 100 days. So a store without past errors has a scale in proportion
        to its spread, which is large for new stores.

        Args:
            rows: Rows as for :meth:`of`.

        Returns:
            Scale in log units, shape (rows,); above 0.
        """
        return self._scale(rows, self.christmas)

    def _scale(self, rows: pl.DataFrame, christmas: float) -> FloatArray:
        store, spread = rows["store_id"], rows["spread"].to_numpy()
        sums, days = (
            store.replace_strict(
                {number: known[part] for number, known in self.stores.items()},
                default=0,
                return_dtype=pl.Float64,
            ).to_numpy()
            for part in (0, 1)
        )
        factors = np.array([self.day_types[name] for name in DAY_TYPES])[_day_types(rows)]
        size = (sums + _PRIOR_DAYS * self.typical * spread) / (days + _PRIOR_DAYS)
        seasons = np.where(_is_christmas(rows), christmas, 1.0)
        return np.asarray(seasons * np.sqrt(factors * size * spread))


def interval_spread(panel: pl.DataFrame) -> FloatArray:
    """Compute the spread of a store's log sales on each row's day.

    It is the square root of the sum of two squares: the standard deviation of the store's residuals
    (between 0.05 and 0.5; 0.15 if unknown), and the uncertainty about a new store (0.35 for a store
    without days of sales, falling to 1/e of it every 20 days).

    Args:
        panel: Rows with the features ``residual_std_182d`` and ``observed_days_364d``.

    Returns:
        Spread in log units, shape (rows,).
    """
    measured = panel["residual_std_182d"].cast(pl.Float64).fill_nan(None)
    own = np.clip(measured.fill_null(_USUAL_SPREAD).to_numpy(), *_SPREAD_BOUNDS)
    days = panel["observed_days_364d"].cast(pl.Float64).to_numpy()
    unknown = _NEW_STORE_SPREAD * np.exp(-days / _NEW_STORE_DAYS)
    return np.asarray(np.sqrt(own**2 + unknown**2))


def _is_christmas(rows: pl.DataFrame) -> BoolArray:
    """Return whether each row's day is around Christmas, shape (rows,)."""
    month, day = pl.col("target_date").dt.month(), pl.col("target_date").dt.day()
    is_before = (month == _CHRISTMAS_FROM[0]) & (day >= _CHRISTMAS_FROM[1])
    is_after = (month == _CHRISTMAS_TO[0]) & (day <= _CHRISTMAS_TO[1])
    return rows.select(is_before | is_after).to_series().to_numpy()


def _day_types(rows: pl.DataFrame) -> IntArray:
    """Return the position of each row's weekday and promotion in ``DAY_TYPES``."""
    number = (pl.col("target_date").dt.weekday().cast(pl.Int64) - 1) * 2
    is_promo = pl.col("is_promo").cast(pl.Boolean).cast(pl.Int64)
    return rows.select(number + is_promo).to_series().to_numpy()
