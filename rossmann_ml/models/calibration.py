"""Convert log forecasts to sales in EUR with quantiles and intervals.

:class:`Calibration` holds the bias factor and the quantiles of errors. It is fitted on out-of-fold
forecasts, which were made from past origins by models that were fitted only on data up to that
origin. See :mod:`rossmann_ml.models.error_scale` for the size of errors, and
:mod:`rossmann_ml.models.total_calibration` for intervals of totals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.error_scale import ErrorScale
from rossmann_ml.models.quantile_levels import DAY_SHAPE, LEVELS, require_level

INTERVAL_LEVELS = (80, 95)
_MEDIAN = 0.5
# Log error from which a day counts as an unusual event (half or twice the forecast). A few such
# days have most of the squared percentage error, and would lower every forecast.
UNUSUAL_LOG_RATIO = float(np.log(2))


@dataclass(frozen=True)
class Calibration:
    """Bias factor and quantiles of errors that convert log forecasts for open days to sales.

    Attributes:
        log_shift: Log of the bias factor, which is added to the log forecast. A negative value
            lowers forecasts: the forecast with the least mean squared percentage error is below
            the median of possible sales.
        levels: Probabilities, ascending, from 0.01 to 0.99.
        quantiles: For each level, the log error (log sales minus log forecast, divided by the
            scale) that sales stay below with this probability, minus that of level 0.5. So the log
            forecast is the median of possible sales.
        scale: Size of the error of each store-day.
        origins: Past origins whose forecasts were used for fitting, as ISO dates.
    """

    log_shift: float
    levels: list[float]
    quantiles: list[float]
    scale: ErrorScale
    origins: list[str]

    @classmethod
    def fit(cls, out_of_fold: pl.DataFrame) -> Calibration:
        """Fit the bias factor, the scale of errors and their quantiles on out-of-fold forecasts.

        For the quantiles, all origins together have the same weight, whatever their number of rows,
        because the days of an origin share a part of their error.

        Args:
            out_of_fold: Open days with sales: ``forecast_origin, store_id, target_date, is_promo,
                sales`` (EUR), ``log_forecast`` (before the bias factor), ``spread`` (log units, see
                :func:`rossmann_ml.models.error_scale.interval_spread`).
        """
        ordered = out_of_fold.sort("forecast_origin", "store_id", "target_date")
        log_ratio = ordered["log_forecast"].to_numpy() - np.log(ordered["sales"].to_numpy())
        scale = ErrorScale.fit(ordered)
        weights = ordered.select(1 / pl.len().over("forecast_origin")).to_series()
        quantiles = np.quantile(
            -log_ratio / scale.of_past(ordered),
            LEVELS,
            weights=weights.to_numpy(),
            method="inverted_cdf",
        )
        quantiles -= quantiles[LEVELS.index(_MEDIAN)]
        return cls(
            point_log_shift(ordered.select("forecast_origin", log_ratio=pl.Series(log_ratio))),
            list(LEVELS),
            quantiles.tolist(),
            scale,
            [str(origin) for origin in ordered["forecast_origin"].unique().sort()],
        )

    def quantiles_of(self, rows: pl.DataFrame, levels: Sequence[float]) -> FloatArray:
        """Compute quantiles of the sales of open store-days.

        A quantile between two stored levels is interpolated linearly in the log error. Quantiles of
        a row do not cross: a greater level has no smaller quantile.

        Args:
            rows: ``store_id, target_date, is_promo``, ``log_forecast`` (before the bias factor) and
                ``spread`` (log units, see
                :func:`rossmann_ml.models.error_scale.interval_spread`).
            levels: Probabilities between 0.01 and 0.99 with which sales are below the quantile.

        Returns:
            Quantiles in EUR, shape (rows, levels).

        Raises:
            ValueError: A level is not between 0.01 and 0.99.
        """
        for level in levels:
            require_level(level)
        error = np.interp(levels, self.levels, self.quantiles)
        log_forecast = rows["log_forecast"].to_numpy()
        return np.asarray(np.exp(log_forecast[:, None] + self.scale.of(rows)[:, None] * error))

    def medians(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Compute what quantiles of any level are computed from, for open store-days.

        Args:
            rows: Rows as for :meth:`quantiles_of`.

        Returns:
            ``sales_median`` (EUR) and ``error_scale`` (log units). A quantile is the median times
            ``exp(error_scale * log_error)``; :meth:`error_quantiles` has the log errors.
        """
        median = np.exp(rows["log_forecast"].to_numpy())
        return pl.DataFrame({"sales_median": median, "error_scale": self.scale.of(rows)})

    def error_quantiles(self) -> pl.DataFrame:
        """Return the log errors of all levels that are stored with the forecasts.

        Returns:
            ``shape`` (``day``), ``level`` and ``log_error``, in units of the scale.
        """
        errors = np.interp(LEVELS, self.levels, self.quantiles)
        return pl.DataFrame({"level": LEVELS, "log_error": errors}).select(
            pl.lit(DAY_SHAPE).alias("shape"), "level", "log_error"
        )

    def bounds(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Compute forecasts and interval bounds in EUR for open store-days.

        The bounds of the 80% interval are the quantiles of the levels 0.1 and 0.9, those of the 95%
        interval 0.025 and 0.975. A bound is moved to the forecast if the forecast is outside.

        Args:
            rows: Rows as for :meth:`quantiles_of`.

        Returns:
            ``sales_forecast, lower_80, upper_80, lower_95, upper_95`` in EUR; the forecast is
            inside the 80% interval, which is inside the 95% interval.
        """
        point = np.exp(rows["log_forecast"].to_numpy() + self.log_shift)
        columns = {"sales_forecast": point}
        for level in INTERVAL_LEVELS:
            tails = [(100 - level) / 200, (100 + level) / 200]
            lower, upper = self.quantiles_of(rows, tails).T
            columns[f"lower_{level}"] = np.minimum(lower, point)
            columns[f"upper_{level}"] = np.maximum(upper, point)
        return pl.DataFrame(columns)


def origins_with_earlier(
    rows: pl.DataFrame, origins: Sequence[date] | None = None
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield each origin's rows, together with rows of earlier origins to calibrate its forecasts.

    Only those earlier origins are used whose last target day is on or before the origin, because
    their actuals were then known.

    Args:
        rows: Rows with ``forecast_origin`` and ``target_date``.
        origins: Origins to yield; None for all. The others can still be earlier origins of these.

    Yields:
        Rows of one origin, oldest origin first, and all rows of the earlier origins for it (no rows
        for the oldest origins).
    """
    over_by = rows.group_by("forecast_origin").agg(over=pl.col("target_date").max())
    for (origin,), part in rows.sort("forecast_origin", maintain_order=True).group_by(
        "forecast_origin", maintain_order=True
    ):
        if origins is not None and origin not in origins:
            continue
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
        spread: Spread of log sales from
            :func:`rossmann_ml.models.error_scale.interval_spread`, shape (rows,).

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
