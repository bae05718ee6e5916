"""Convert sums of daily forecasts to unbiased totals with intervals.

The sum of daily forecasts is too low on average, because each forecast minimises the percentage
error and is therefore below the median. An interval that adds up daily bounds is too wide, because
errors of different stores and days partly cancel out. :class:`TotalCalibration` corrects both; it
is fitted on out-of-fold forecasts. See :mod:`rossmann_ml.models.totals` for the totals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.calibration import INTERVAL_LEVELS, conformal_quantile, point_log_shift
from rossmann_ml.models.error_shapes import log_errors, shapes_of
from rossmann_ml.models.nested_variance import nested_variance
from rossmann_ml.models.quantile_levels import LEVELS, require_level
from rossmann_ml.models.totals import (
    AMOUNTS,
    CHAIN,
    GROUPS,
    SEGMENT_LEVELS,
    STORE,
    add_up,
    by_segment,
    exact_sum,
    with_segments,
)

_KEY = ["forecast_origin", "level", "segment", "first_date", "last_date"]
_WEEK_DAYS = 7
# Least variance of a total's log error (a standard deviation of 0.001%), to avoid division by 0.
_LEAST_VARIANCE = 1e-10
# Limit of an error in robust standard deviations. A few days a year (the end of December, a store
# that reopens) have errors of a third, which would widen all other weeks' intervals by half.
_USUAL_DEVIATIONS = 5.0
_MEDIAN_TO_DEVIATION = 1.4826  # median absolute to standard deviation, normal distribution


@dataclass(frozen=True)
class TotalCalibration:
    """Bias factor and error variances that convert sums of daily forecasts to totals and bounds.

    The log error of a total is a sum of two or three errors: the chain's error, the deviations of
    single stores from the chain, and, for a total of a group (a store type, assortment or state),
    the group's deviation from the chain. Each of these has one part that the horizon shares, one
    part per calendar week, and one part per day, so it has three variances: horizon, week, day. In
    a total, the deviations of many stores partly cancel out, and so do the parts of several weeks
    and days.

    Attributes:
        log_bias: Log of the factor by which sums of daily forecasts are multiplied.
        chain: Three variances of the chain's error.
        groups: Three variances of a group's deviation, by aggregation level (``store_type``,
            ``assortment``, ``state``).
        store: Three variances of a store's deviation, after division by the store's spread (its
            usual log error).
        chain_freedom: Degrees of freedom of the three variances in ``chain``.
        group_freedom: Degrees of freedom of the three variances in ``groups``, by aggregation
            level.
        store_quantiles: Quantiles of the absolute log error of a store's total over at most seven
            days, in standard deviations, by coverage in percent (``"80"``, ``"95"``). They scale
            all intervals of single stores, because the errors of stores have longer tails than a
            normal distribution. Intervals of groups and of the chain are not scaled.
        origins: Past origins whose forecasts were used for fitting, as ISO dates.
    """

    log_bias: float
    chain: list[float]
    groups: dict[str, list[float]]
    store: list[float]
    chain_freedom: list[float]
    group_freedom: dict[str, list[float]]
    store_quantiles: dict[str, float]
    origins: list[str]

    @classmethod
    def fit(
        cls,
        out_of_fold: pl.DataFrame,
        stores: pl.DataFrame,
        *,
        horizon_days: int,
        totals: pl.DataFrame | None = None,
    ) -> TotalCalibration:
        """Fit the bias factor and the variances on out-of-fold forecasts.

        Args:
            out_of_fold: Open days with sales: ``forecast_origin, store_id, target_date,
                horizon_days, sales, forecast`` (EUR; the daily forecast as served), ``spread``
                (log units, see :func:`rossmann_ml.models.error_scale.interval_spread`).
            stores: ``store_id, store_type, assortment, state``, one row per store.
            horizon_days: Number of forecast days after each origin. It is the length of the longest
                span of totals, and sets the degrees of freedom (see :func:`_chain_freedom`).
            totals: Result of :func:`rossmann_ml.models.totals.add_up` for ``out_of_fold``, if it is
                known already; None to compute it, which takes most of the time.
        """
        rows = out_of_fold.select(
            "forecast_origin", "store_id", "target_date", "horizon_days", "sales", "forecast",
            "spread",
        ).sort("forecast_origin", "store_id", "target_date")  # fmt: skip
        log_bias = _log_bias(rows)
        rows = rows.with_columns(pl.col("forecast") * np.exp(log_bias))
        totals = (
            add_up(rows, stores, horizon_days=horizon_days)
            if totals is None
            else totals.with_columns(pl.col("forecast") * np.exp(log_bias))
        )
        errors = _day_errors(rows, stores)
        freedom = _chain_freedom(rows, horizon_days)
        own = _part_variances(errors[STORE])
        whole = totals.filter(
            pl.col("last_date") == pl.col("forecast_origin").dt.offset_by(f"{horizon_days}d"),
            pl.col("first_date") == pl.col("forecast_origin").dt.offset_by("1d"),
        )
        shared, segments = {}, {}
        for level in (CHAIN, *GROUPS):
            mixed_in = whole.filter(pl.col("level") == level)["store_concentration"].to_numpy()
            shared[level] = np.maximum(_part_variances(errors[level]) - own * mixed_in.mean(), 0)
            segments[level] = errors[level]["segment"].n_unique()
        fitted = cls(
            log_bias=log_bias,
            chain=shared[CHAIN].tolist(),
            groups={level: shared[level].tolist() for level in GROUPS},
            store=own.tolist(),
            chain_freedom=freedom.tolist(),
            group_freedom={
                level: (freedom * max(segments[level] - 1, 1)).tolist() for level in GROUPS
            },
            store_quantiles={},
            origins=[str(origin) for origin in rows["forecast_origin"].unique().sort()],
        )
        weeks = totals.filter(
            pl.col("level") == STORE,
            pl.col("last_date") - pl.col("first_date") < pl.duration(days=_WEEK_DAYS),
        )
        deviation = np.abs(np.log((weeks["sales"] / weeks["forecast"]).to_numpy()))
        deviation /= np.sqrt(fitted.variance(weeks)[0])
        return replace(
            fitted,
            store_quantiles={
                str(level): conformal_quantile(deviation, level / 100) for level in INTERVAL_LEVELS
            },
        )

    def variance(self, totals: pl.DataFrame) -> tuple[FloatArray, FloatArray]:
        """Compute the variance of each total's log error, and its degrees of freedom.

        The degrees of freedom follow Satterthwaite (1946) for a sum of estimated variances. The
        variances in ``store`` are treated as exact, because they are estimated from many stores.

        Args:
            totals: Totals returned by :func:`rossmann_ml.models.totals.add_up`.

        Returns:
            Variances and degrees of freedom, both of shape (rows,).
        """
        remaining = np.column_stack(
            [
                np.ones(len(totals)),
                totals["week_concentration"].to_numpy(),
                totals["day_concentration"].to_numpy(),
            ]
        )
        level = totals["level"].to_numpy()
        chain = remaining * self.chain
        own = remaining * self.store * totals["store_concentration"].to_numpy()[:, None]
        total = (chain + own).sum(axis=1)
        uncertain = (chain**2 / self.chain_freedom).sum(axis=1)
        for name in GROUPS:
            group = (level == name)[:, None] * remaining * self.groups[name]
            total += group.sum(axis=1)
            uncertain += (group**2 / self.group_freedom[name]).sum(axis=1)
        total = np.maximum(total, _LEAST_VARIANCE)
        return total, total**2 / np.maximum(uncertain, _LEAST_VARIANCE**2)

    def intervals(self, rows: pl.DataFrame, stores: pl.DataFrame) -> pl.DataFrame:
        """Compute the factors that turn sums of daily forecasts into totals and bounds.

        Args:
            rows: Forecasts for store-days, open or not: ``forecast_origin, store_id, target_date,
                horizon_days, is_open, forecast`` (EUR, as served) and ``spread`` (log units).
            stores: ``store_id, store_type, assortment, state``, one row per store.

        Returns:
            ``forecast_origin, level, segment, first_date, last_date, unbiased_factor,
            lower_80_factor, upper_80_factor, lower_95_factor, upper_95_factor``, and the columns
            of :meth:`error_scales`, one row per total that has an open store-day. Each interval
            contains the unbiased total and also the plain sum of daily forecasts (factor 1), and
            the 95% interval contains the 80% interval.
        """
        opened = rows.filter(pl.col("is_open") & (pl.col("forecast") > 0))
        horizon_days = int(rows["horizon_days"].to_numpy().max())
        totals = add_up(opened, stores, horizon_days=horizon_days)
        parts = [totals.select(_KEY), self.factors(totals), self.error_scales(totals)]
        return pl.concat(parts, how="horizontal")

    def factors(self, totals: pl.DataFrame) -> pl.DataFrame:
        """Compute the factors that :meth:`intervals` returns, for totals that are already added up.

        Args:
            totals: Totals returned by :func:`rossmann_ml.models.totals.add_up`.

        Returns:
            Factors of the sum of the daily forecasts, in the row order of ``totals``:
            ``unbiased_factor``, and one for each bound of the 80% and 95% intervals.
        """
        columns = {"unbiased_factor": np.full(len(totals), np.exp(self.log_bias))}
        half = np.full(len(totals), abs(self.log_bias))
        tails = [(100 + level) / 200 for level in INTERVAL_LEVELS]
        above = self.log_quantiles(totals, tails) - self.log_bias
        for level, errors in zip(INTERVAL_LEVELS, above.T, strict=True):
            half = np.maximum(half, errors)
            columns[f"lower_{level}_factor"] = np.exp(self.log_bias - half)
            columns[f"upper_{level}_factor"] = np.exp(self.log_bias + half)
        return pl.DataFrame(columns)

    def log_quantiles(self, totals: pl.DataFrame, levels: Sequence[float]) -> FloatArray:
        """Compute quantiles of the log factors that turn sums of daily forecasts into totals.

        The quantile of the level 0.5 belongs to the unbiased total. Quantiles of a total do not
        cross: a greater level has no smaller quantile.

        Args:
            totals: Totals returned by :func:`rossmann_ml.models.totals.add_up`.
            levels: Probabilities between 0.01 and 0.99 with which the total is below the quantile.

        Returns:
            Quantiles in log units, shape (rows, levels).

        Raises:
            ValueError: A level is not between 0.01 and 0.99.
        """
        for level in levels:
            require_level(level)
        scales = self.error_scales(totals)
        shapes, of_row = np.unique(scales["error_shape"].to_numpy(), return_inverse=True)
        errors = [
            np.interp(levels, LEVELS, log_errors(shape, self.store_quantiles)) for shape in shapes
        ]
        by_shape = np.array(errors).reshape(len(shapes), len(levels))
        scale = scales["error_scale"].to_numpy()
        return np.asarray(self.log_bias + scale[:, None] * by_shape[of_row])

    def error_scales(self, totals: pl.DataFrame) -> pl.DataFrame:
        """Compute what quantiles of any level are computed from, for each total.

        Args:
            totals: Totals returned by :func:`rossmann_ml.models.totals.add_up`.

        Returns:
            ``error_scale``, the standard deviation of the log error, and ``error_shape`` (see
            :mod:`rossmann_ml.models.error_shapes`).
        """
        variance, freedom = self.variance(totals)
        shapes = shapes_of(totals, freedom)
        return pl.DataFrame({"error_scale": np.sqrt(variance), "error_shape": shapes})


def _log_bias(rows: pl.DataFrame) -> float:
    """Compute the log of the factor that makes sums of daily forecasts right on average.

    The factor is the product of two corrections. The first undoes the daily bias factor, which
    lowers each forecast below the median of possible sales. The second is the ratio of the sum of
    sales to the sum of medians: the mean over origins, in logs. For the second, each origin's
    forecasts are first divided by the median ratio of forecast to sales, because an error that all
    days of an origin share is covered by the intervals.

    Args:
        rows: Open days with sales: ``forecast_origin, sales, forecast`` (both in EUR).
    """
    ratios = rows.select("forecast_origin", log_ratio=(pl.col("forecast") / pl.col("sales")).log())
    left = (
        rows.with_columns(ratios["log_ratio"])
        .with_columns(
            centred=pl.col("forecast") / pl.col("log_ratio").median().over("forecast_origin").exp()
        )
        .group_by("forecast_origin")
        .agg(exact_sum(pl.col("sales")).alias("sales"), exact_sum(pl.col("centred")).alias("sum"))
        .sort("forecast_origin")
    )
    middle_to_sum = np.log((left["sales"] / left["sum"]).to_numpy())
    return float(middle_to_sum.mean()) - point_log_shift(ratios)


def _day_errors(rows: pl.DataFrame, stores: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Compute the log errors of each segment's daily totals, from which variances are estimated.

    The chain's error on the day is subtracted from the errors of groups and stores. Errors of
    stores are then divided by their spread. At each aggregation level, errors are limited to five
    standard deviations (estimated from the median absolute error), because a few extreme days would
    widen all intervals.

    Args:
        rows: Open days with sales, in the columns that :func:`rossmann_ml.models.totals.add_up`
            takes; forecasts are already multiplied by the bias factor of totals.
        stores: ``store_id, store_type, assortment, state``, one row per store.

    Returns:
        By aggregation level (``chain``, ``store_type``, ``assortment``, ``state``, ``store``), a
        frame with one row per origin, segment and target day, sorted by these three:
        ``forecast_origin, segment, target_date, forecast`` (EUR), ``error`` (log of sales divided
        by forecast; for stores, divided by their spread), and other columns.
    """
    segmented = with_segments(rows, stores)
    day = ["forecast_origin", "target_date"]
    amounts = [exact_sum(pl.col(name)).alias(name) for name in AMOUNTS]
    errors = {
        level: by_segment(segmented, level, ["target_date"], [*amounts, pl.col("spread").max()])
        .with_columns(error=(pl.col("sales") / pl.col("forecast")).log())
        .sort("forecast_origin", "segment", "target_date")
        for level in SEGMENT_LEVELS
    }
    chain = errors[CHAIN].select(*day, chain_error="error")
    for level in (*GROUPS, STORE):
        unit = pl.col("spread") if level == STORE else pl.lit(1.0)
        errors[level] = (
            errors[level]
            .join(chain, on=day, maintain_order="left")
            .with_columns(error=(pl.col("error") - pl.col("chain_error")) / unit)
        )
    usual = _USUAL_DEVIATIONS * _MEDIAN_TO_DEVIATION * pl.col("error").abs().median()
    return {
        level: frame.with_columns(pl.col("error").clip(-usual, usual))
        for level, frame in errors.items()
    }


def _part_variances(errors: pl.DataFrame) -> FloatArray:
    """Estimate the variances of the three parts of errors: those of the horizon, week and day.

    Args:
        errors: Errors at one aggregation level: ``forecast_origin, segment, target_date, forecast``
            (EUR; the weight of the row) and ``error`` (log units), sorted by the first three
            columns.

    Returns:
        Variances of the parts that a horizon shares, that a calendar week shares, and that a day
        has alone, shape (3,).
    """
    series = pl.struct("forecast_origin", "segment").rle_id()  # the rows are sorted by both
    week = pl.struct("forecast_origin", "segment", pl.col("target_date").dt.truncate("1w"))
    numbers = errors.select(series=series.cast(pl.Int64), week=week.rle_id().cast(pl.Int64))
    return nested_variance(
        series=numbers["series"].to_numpy(),
        week=numbers["week"].to_numpy(),
        weight=errors["forecast"].to_numpy(),
        error=errors["error"].to_numpy(),
    )


def _chain_freedom(rows: pl.DataFrame, horizon_days: int) -> FloatArray:
    """Compute the degrees of freedom of the chain's variances for horizon, week and day.

    As in a nested design, they are the number of horizons that fit into the days, the number of
    weeks minus that of horizons, and the number of days minus that of weeks. A day that is inside
    the horizons of several origins is counted once.

    Args:
        rows: Rows with ``target_date``, whose days and weeks are counted.
        horizon_days: Number of days in one horizon, to compute how many horizons fit.

    Returns:
        Degrees of freedom, shape (3,), each at least 1.
    """
    days = rows["target_date"].n_unique()
    horizons = max(days / horizon_days, 1.0)
    weeks = rows["target_date"].dt.truncate("1w").n_unique()
    return np.array([horizons, max(weeks - horizons, 1.0), max(float(days - weeks), 1.0)])
