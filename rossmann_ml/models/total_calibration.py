"""From sums of daily forecasts to unbiased totals with coherent intervals.

The daily forecast lies below the middle on purpose (it minimises percentage errors), so their sum
is too low; and the sum of the daily bounds is no bound of the sum: what is particular to a store
or day evens out in a total, what the whole chain has in common does not. So one model of the errors
stands behind the totals of every level. Fitted, like the daily calibration, on out-of-fold
forecasts. Which totals there are is in :mod:`rossmann_ml.models.totals`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import ndtri, stdtrit

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.calibration import INTERVAL_LEVELS, conformal_quantile, point_log_shift
from rossmann_ml.models.nested_variance import DayErrors, nested_variance
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

_FILE = "total_calibration.json"
_KEY = ["forecast_origin", "level", "segment", "first_date", "last_date"]
_WEEK_DAYS = 7
# Of the log error of a total (a deviation of 0.001%), so that quotients of it are numbers.
_LEAST_VARIANCE = 1e-10
# A few days a year (the last of December, a store that reopens) are off by a third. Left as they
# are they would make every other week's interval half as wide again.
_USUAL_DEVIATIONS = 3.0
_MEDIAN_TO_DEVIATION = 1.4826  # of a normal distribution


@dataclass(frozen=True)
class TotalCalibration:
    """What turns a sum of daily forecasts into an unbiased total and bounds.

    The error of a total is modelled as what the whole chain has in common, plus what a group of
    stores (type, assortment, state) has in common beyond that, plus what is the store's own, in
    units of its spread. Each of the three has a part that lasts the horizon, one that lasts a
    calendar week and one of the day. Stores' own parts even out over stores, weeks' and days'
    parts over weeks and days; the rest stays.

    Attributes:
        log_bias: Added to the log of a sum of daily forecasts.
        chain: Variances of what the chain has in common over a horizon, a week and a day.
        groups: The same of what a group has in common beyond the chain, by level.
        store: The same of what is the store's own, in units of its squared spread.
        chain_freedom: Degrees of freedom of ``chain``: how many horizons, weeks and days that do
            not overlap it was estimated from.
        group_freedom: The same of ``groups``, by level.
        store_quantiles: By interval level (``"80"``, ``"95"``), in standard deviations of a
            store's week (any span of at most seven days): stores are many enough to see that their
            errors have longer tails than a normal distribution. Totals of more than one store use
            Student's t.
        origins: The origins it was fitted on, ISO dates.
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
        cls, out_of_fold: pl.DataFrame, stores: pl.DataFrame, *, horizon_days: int
    ) -> TotalCalibration:
        """Fit on out-of-fold forecasts.

        Args:
            out_of_fold: Open days with sales: ``forecast_origin, store_id, target_date,
                horizon_days, sales, forecast`` (EUR; the daily forecast as served), ``spread``
                (log units, see :func:`rossmann_ml.models.calibration.interval_spread`).
            stores: ``store_id, store_type, assortment, state``.
            horizon_days: Days of the horizon.
        """
        rows = out_of_fold.select(
            "forecast_origin", "store_id", "target_date", "horizon_days", "sales", "forecast",
            "spread",
        ).sort("forecast_origin", "store_id", "target_date")  # fmt: skip
        log_bias = _log_bias(rows)
        rows = rows.with_columns(pl.col("forecast") * np.exp(log_bias))
        totals = add_up(rows, stores, horizon_days=horizon_days)
        errors = _day_errors(rows, stores)
        freedom = _freedom(rows, horizon_days)
        own = nested_variance(_nested(errors[STORE]))
        whole = totals.filter(
            pl.col("last_date") == pl.col("forecast_origin").dt.offset_by(f"{horizon_days}d"),
            pl.col("first_date") == pl.col("forecast_origin").dt.offset_by("1d"),
        )
        shared, segments = {}, {}
        for level in (CHAIN, *GROUPS):
            mixed_in = whole.filter(pl.col("level") == level)["store_concentration"].to_numpy()
            shared[level] = np.maximum(
                nested_variance(_nested(errors[level])) - own * mixed_in.mean(), 0
            )
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
        """Variance of the log error of totals, and its degrees of freedom.

        The degrees are Satterthwaite's (1946): a variance made of parts that are each known from
        a few horizons, weeks or days is as certain as those parts let it be. What is the stores'
        own is known from so many that it counts as certain.

        Args:
            totals: As :func:`rossmann_ml.models.totals.add_up` returns them.

        Returns:
            Both of shape (rows,).
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
        """Give what the sums of daily forecasts are multiplied by, for every total.

        Args:
            rows: The days to forecast, open or not: ``forecast_origin, store_id, target_date,
                horizon_days, is_open, forecast`` (EUR, as served) and ``spread``.
            stores: ``store_id, store_type, assortment, state``.

        Returns:
            ``forecast_origin, level, segment, first_date, last_date, unbiased_factor,
            lower_80_factor, upper_80_factor, lower_95_factor, upper_95_factor``; totals in which
            no store opens are left out, they are 0. Bounds lie around the unbiased factor and
            around 1, and the wider ones around the narrower.
        """
        opened = rows.filter(pl.col("is_open") & (pl.col("forecast") > 0))
        horizon_days = int(rows["horizon_days"].to_numpy().max())
        totals = add_up(opened, stores, horizon_days=horizon_days)
        return pl.concat([totals.select(_KEY), self.factors(totals)], how="horizontal")

    def factors(self, totals: pl.DataFrame) -> pl.DataFrame:
        """The factors of :meth:`intervals` for totals that were added up before."""
        variance, freedom = self.variance(totals)
        deviation, is_store = np.sqrt(variance), (totals["level"] == STORE).to_numpy()
        columns = {"unbiased_factor": np.full(len(totals), np.exp(self.log_bias))}
        half = np.full(len(totals), abs(self.log_bias))
        for level in INTERVAL_LEVELS:
            tail = (1 + level / 100) / 2
            quantile = np.where(is_store, self.store_quantiles[str(level)] / ndtri(tail), 1.0)
            half = np.maximum(half, quantile * stdtrit(freedom, tail) * deviation)
            columns[f"lower_{level}_factor"] = np.exp(self.log_bias - half)
            columns[f"upper_{level}_factor"] = np.exp(self.log_bias + half)
        return pl.DataFrame(columns)

    def save(self, folder: Path) -> None:
        """Write ``total_calibration.json``."""
        (folder / _FILE).write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TotalCalibration:
        """Read ``total_calibration.json``."""
        return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")))


def _log_bias(rows: pl.DataFrame) -> float:
    """The factor, as a log, that makes sums of the daily forecast right on average.

    The shift of the daily point is taken back. What is left between the middle of log sales and
    the log of their sum is measured within each origin, centred on its own median: seasons in
    which the chain sold more or less than forecast are the intervals' matter.
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
    """Log errors by level, segment and day: the chain's, and beyond it those of groups and stores.

    A store's are in units of its spread.
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
    return {level: _usual(frame) for level, frame in errors.items()}


def _usual(errors: pl.DataFrame) -> pl.DataFrame:
    """Errors within a few robust standard deviations; larger ones count as that large."""
    limit = _USUAL_DEVIATIONS * _MEDIAN_TO_DEVIATION * pl.col("error").abs().median()
    return errors.with_columns(pl.col("error").clip(-limit, limit))


def _nested(errors: pl.DataFrame) -> DayErrors:
    series = pl.struct("forecast_origin", "segment").rle_id()  # the rows are sorted by both
    week = pl.struct("forecast_origin", "segment", pl.col("target_date").dt.truncate("1w"))
    numbers = errors.select(series=series.cast(pl.Int64), week=week.rle_id().cast(pl.Int64))
    return DayErrors(
        series=numbers["series"].to_numpy(),
        week=numbers["week"].to_numpy(),
        weight=errors["forecast"].to_numpy(),
        error=errors["error"].to_numpy(),
    )


def _freedom(rows: pl.DataFrame, horizon_days: int) -> FloatArray:
    """How many horizons, weeks and days the chain's variances come from.

    Origins a week apart look at the same days; what overlaps counts once.
    """
    days = rows["target_date"].n_unique()
    horizons = max(days / horizon_days, 1.0)
    weeks = rows["target_date"].dt.truncate("1w").n_unique()
    return np.array([horizons, max(weeks - horizons, 1.0), max(float(days - weeks), 1.0)])
