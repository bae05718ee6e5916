"""Convert log forecasts to sales in EUR with intervals.

:class:`Calibration` holds the bias factor and the half-widths of intervals. It is fitted on
out-of-fold forecasts, which were made from past origins by models that were fitted only on data up
to that origin. See :mod:`rossmann_ml.models.total_calibration` for intervals of totals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray, IntArray

INTERVAL_LEVELS = (80, 95)
_WEEK_DAYS = 7
# Log error from which a day counts as an unusual event (half or twice the forecast). A few such
# days have most of the squared percentage error, and would lower every forecast.
UNUSUAL_LOG_RATIO = float(np.log(2))
# Bounds of the standard deviation of a store's residuals, which scales its intervals.
_SPREAD_BOUNDS = (0.05, 0.5)
# Typical spread of a store, for stores whose spread is unknown.
_USUAL_SPREAD = 0.15
# Standard deviation of the level among stores of one type and assortment (log units), which is the
# uncertainty about a store without history. It falls to 1/e every so many observed days.
_NEW_STORE_SPREAD = 0.35
_NEW_STORE_DAYS = 20.0


@dataclass(frozen=True)
class Calibration:
    """Bias factor and interval widths that convert log forecasts for open store-days to sales.

    Attributes:
        log_shift: Log of the bias factor, which is added to the log forecast. A negative value
            lowers forecasts: the forecast with the least mean squared percentage error is below
            the median of possible sales.
        half_widths: Half-widths of the intervals, by coverage in percent (``"80"``, ``"95"``), one
            per horizon week, in units of the store's spread (its usual log error).
        origins: Past origins whose forecasts were used for fitting, as ISO dates.
    """

    log_shift: float
    half_widths: dict[str, list[float]]
    origins: list[str]

    @classmethod
    def fit(cls, out_of_fold: pl.DataFrame) -> Calibration:
        """Fit the bias factor and the half-widths on out-of-fold forecasts.

        For each horizon week, absolute log errors are divided by the store's spread. The
        half-widths are quantiles of these ratios (split-conformal prediction, Vovk et al., 2005).

        Args:
            out_of_fold: Open days with sales: ``forecast_origin, store_id, target_date,
                horizon_days, sales`` (EUR), ``log_forecast`` (before the bias factor), ``spread``
                (log units, see :func:`interval_spread`).
        """
        ordered = out_of_fold.sort("forecast_origin", "store_id", "target_date")
        deviation = ordered["log_forecast"].to_numpy() - np.log(ordered["sales"].to_numpy())
        score = np.abs(deviation) / ordered["spread"].to_numpy()
        week = (ordered["horizon_days"].to_numpy() - 1) // _WEEK_DAYS
        half_widths = {
            str(level): [
                conformal_quantile(score[week == number], level / 100)
                for number in range(int(week.max()) + 1)
            ]
            for level in INTERVAL_LEVELS
        }
        origins = [str(origin) for origin in ordered["forecast_origin"].unique().sort()]
        log_ratios = ordered.select("forecast_origin", log_ratio=pl.Series(deviation))
        return cls(point_log_shift(log_ratios), half_widths, origins)

    def bounds(
        self, horizon_days: IntArray, spread: FloatArray, log_forecast: FloatArray
    ) -> pl.DataFrame:
        """Compute forecasts and interval bounds in EUR for open store-days.

        Args:
            horizon_days: Days from the origin to the target day, shape (rows,).
            spread: Spread of log sales from :func:`interval_spread`, shape (rows,).
            log_forecast: Log forecasts before the bias factor, shape (rows,).

        Returns:
            ``sales_forecast, lower_80, upper_80, lower_95, upper_95`` in EUR; the forecast is
            inside the 80% interval, which is inside the 95% interval.
        """
        week = (horizon_days - 1) // _WEEK_DAYS
        point = np.exp(log_forecast + self.log_shift)
        columns = {"sales_forecast": point}
        inner = np.zeros(len(point))
        for level in INTERVAL_LEVELS:
            widths = np.array(self.half_widths[str(level)])
            half = np.maximum(widths[np.minimum(week, len(widths) - 1)] * spread, inner)
            inner = half
            columns[f"lower_{level}"] = np.minimum(np.exp(log_forecast - half), point)
            columns[f"upper_{level}"] = np.maximum(np.exp(log_forecast + half), point)
        return pl.DataFrame(columns)


def interval_spread(panel: pl.DataFrame) -> FloatArray:
    """Compute the spread of log sales, by which the width of each row's interval is scaled.

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


def origins_with_earlier(rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield each origin's rows, together with rows of earlier origins to calibrate its forecasts.

    Only those earlier origins are used whose last target day is on or before the origin, because
    their actuals were then known.

    Args:
        rows: Rows with ``forecast_origin`` and ``target_date``.

    Yields:
        Rows of one origin, oldest origin first, and all rows of the earlier origins for it (no rows
        for the oldest origins).
    """
    over_by = rows.group_by("forecast_origin").agg(over=pl.col("target_date").max())
    for (origin,), part in rows.sort("forecast_origin", maintain_order=True).group_by(
        "forecast_origin", maintain_order=True
    ):
        over = over_by.filter(pl.col("over") <= origin)["forecast_origin"].implode()
        yield part, rows.filter(pl.col("forecast_origin").is_in(over))


def point_log_shift(log_ratios: pl.DataFrame) -> float:
    """Compute the log of the bias factor that minimises the mean squared percentage error.

    If p is the forecast without bias factor and y the sales, the best factor on p is
    E[p/y] / E[(p/y)^2]. It is computed for each origin, and the result is the median over origins,
    so that the weeks around Christmas do not lower the forecasts for summer.

    Before that, each origin's median log ratio is subtracted from its log ratios. The median is the
    error that all days of an origin share, which later origins need not repeat; the factor corrects
    only for how much days differ. Store-days on which the forecast is then wrong by a factor of two
    or more are excluded, because a few unusual days would lower every forecast.

    Args:
        log_ratios: ``forecast_origin, log_ratio`` (log of forecast divided by sales), always in the
            same row order, so that rounding is the same in every run.

    Returns:
        Log of the bias factor; 0 if all days are excluded.
    """
    shifts = []
    for _, part in log_ratios.group_by("forecast_origin", maintain_order=True):
        log_ratio = part["log_ratio"].to_numpy()
        centred = log_ratio - np.median(log_ratio)
        usual = np.exp(centred[np.abs(centred) < UNUSUAL_LOG_RATIO])
        if len(usual):
            shifts.append(np.log(usual.mean() / (usual**2).mean()))
    return float(np.median(shifts)) if shifts else 0.0


def log_shift_of_spread(spread: FloatArray) -> float:
    """Compute the log of the bias factor from the spread alone.

    It is used if there are no out-of-fold forecasts to fit the bias factor on. For log-normal sales
    with spread s, the log of the best factor is -1.5 s^2; s^2 is averaged over the rows.

    Args:
        spread: Spread of log sales from :func:`interval_spread`, shape (rows,).

    Returns:
        Log of one bias factor for all rows.
    """
    return -1.5 * float(np.mean(spread**2))


def conformal_quantile(scores: FloatArray, level: float) -> float:
    """Return the past error that new errors do not exceed with at least a given probability.

    It is the ceil((n + 1) * level)-th smallest of n past errors. If n is too small for the level
    (n below 4 for 80%, below 19 for 95%), it is the largest error, and the probability is only
    n / (n + 1).

    Args:
        scores: Absolute values of past errors, shape (n,).
        level: Probability, between 0 and 1.

    Returns:
        The quantile, in the unit of ``scores``; 0 if there are no errors.
    """
    if len(scores) == 0:
        return 0.0
    rank = min(int(np.ceil((len(scores) + 1) * level)), len(scores))
    return float(np.partition(scores, rank - 1)[rank - 1])
