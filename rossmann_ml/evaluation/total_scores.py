"""Compute errors, bias and interval coverage of totals that were forecast from past origins.

For each origin, the bounds of totals and the factors of unbiased totals are fitted on forecasts
from earlier origins whose horizon had ended by then. See :mod:`rossmann_ml.evaluation.metrics` for
the metrics of store-days.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from rossmann_ml.evaluation.metrics import SUMS
from rossmann_ml.evaluation.range_scores import NO_RANGE_SCORES, interval_columns
from rossmann_ml.models.calibration import INTERVAL_LEVELS, origins_with_earlier, point_log_shift
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.models.totals import GROUPS, add_up

_BOUNDS = [f"{side}_{level}" for level in INTERVAL_LEVELS for side in ("lower", "upper")]


def total_outcomes(rows: pl.DataFrame, stores: pl.DataFrame, *, horizon_days: int) -> pl.DataFrame:
    """Add up past forecasts and actuals to totals, with the bounds that would have been served.

    Args:
        rows: Open days with sales: ``forecast_origin, store_id, target_date, horizon_days, sales``
            (EUR), ``log_forecast`` (before the bias factor), ``forecast`` (EUR, as it would have
            been served) and ``spread`` (the store's usual log error).
        stores: ``store_id, store_type, assortment, state``, one row per store.
        horizon_days: Number of days in the horizon, the longest span of a total.

    Returns:
        One row per origin, level, segment and span of days: ``forecast_origin, level, segment,
        first_date, last_date, store_days`` and the other columns of
        :func:`rossmann_ml.models.totals.add_up`; in EUR ``forecast, sales, sales_unbiased`` (the
        unbiased total) and ``lower_80, upper_80, lower_95, upper_95``. At an
        origin without any earlier forecasts, bounds are null and ``sales_unbiased`` equals
        ``forecast``.
    """
    parts = []
    # totals of forecasts without bias factor, which later origins multiply by their own
    unscaled: dict[date, pl.DataFrame] = {}
    for part, earlier in origins_with_earlier(rows):
        totals = add_up(part, stores, horizon_days=horizon_days)
        unscaled[part["forecast_origin"][0]] = add_up(
            part.with_columns(forecast=pl.col("log_forecast").exp()),
            stores,
            horizon_days=horizon_days,
        )
        if earlier.is_empty():
            unknown = {name: pl.lit(None, pl.Float64) for name in _BOUNDS}
            parts.append(totals.with_columns(sales_unbiased="forecast", **unknown))
            continue
        # one bias factor for all earlier origins, as in a bundle of that time
        log_ratio = pl.col("log_forecast") - pl.col("sales").log()
        log_shift = point_log_shift(earlier.select("forecast_origin", log_ratio=log_ratio))
        served = earlier.with_columns(forecast=(pl.col("log_forecast") + log_shift).exp())
        known = [unscaled[origin] for origin in earlier["forecast_origin"].unique().sort()]
        calibration = TotalCalibration.fit(
            served,
            stores,
            horizon_days=horizon_days,
            totals=pl.concat(known).with_columns(pl.col("forecast") * np.exp(log_shift)),
        )
        factors = calibration.factors(totals)
        parts.append(
            pl.concat([totals, factors], how="horizontal")
            .with_columns(
                sales_unbiased=pl.col("forecast") * pl.col("unbiased_factor"),
                **{name: pl.col("forecast") * pl.col(f"{name}_factor") for name in _BOUNDS},
            )
            .drop(factors.columns)
        )
    return pl.concat(parts)


def total_sums(
    rows: pl.DataFrame, stores: pl.DataFrame, *, model: str, horizon_days: int
) -> pl.DataFrame:
    """Add up what the metrics of totals need, by level and for two spans: week and horizon.

    Args:
        rows: Rows as for :func:`total_outcomes`.
        stores: ``store_id, store_type, assortment, state``, one row per store.
        model: Name to write into the column ``model``.
        horizon_days: Number of days in the horizon, one of the two spans.

    Returns:
        ``model, forecast_origin, segment_kind, segment`` and the sums in
        :data:`rossmann_ml.evaluation.metrics.SUMS`, over totals instead of store-days;
        ``store_days`` is the number of store-days in the totals. Totals have no pinball loss,
        because they have bounds and no other quantiles.

        ``segment_kind`` is ``total_<level>_week`` or ``total_<level>_horizon`` in rows that measure
        unbiased totals and their intervals. It is ``total_<level>_week_sum`` or
        ``total_<level>_horizon_sum`` in rows that measure plain sums of daily forecasts, which have
        no intervals. A calendar week that is partly outside the horizon counts with its days
        inside.

        ``segment`` is ``all`` for the sums over all totals of a level. The levels store type,
        assortment and state also have a row per segment.
    """
    outcomes = total_outcomes(rows, stores, horizon_days=horizon_days)
    origin = pl.col("forecast_origin")
    days = (pl.col("last_date") - pl.col("first_date")).dt.total_days() + 1
    is_week = (pl.col("first_date").dt.weekday() == 1) | (pl.col("last_date").dt.weekday() == 7)
    spans = {
        "week": outcomes.filter(is_week & (days <= 7)),
        "horizon": outcomes.filter(
            (pl.col("first_date") == origin.dt.offset_by("1d")) & (days == horizon_days)
        ),
    }
    judged = []
    for span, totals in spans.items():
        kind = pl.format("total_{}_{}", "level", pl.lit(span))
        both = totals.with_columns(**NO_RANGE_SCORES)
        judged += [
            both.with_columns(
                kind.alias("segment_kind"), forecast="sales_unbiased", **interval_columns()
            ),
            both.with_columns(pl.format("{}_sum", kind).alias("segment_kind")),
        ]
    single = pl.concat(judged).sort("forecast_origin", "segment_kind", "segment", "first_date")
    sums = {**SUMS, "store_days": pl.col("store_days").sum()}
    return (
        pl.concat(
            frame.group_by("forecast_origin", "segment_kind", "segment", maintain_order=True).agg(
                **sums
            )
            for frame in (
                single.filter(pl.col("level").is_in(GROUPS)),
                single.with_columns(segment=pl.lit("all")),
            )
        )
        .select(pl.lit(model).alias("model"), pl.all())
        .sort("model", "forecast_origin", "segment_kind", "segment")
    )
