"""Score the totals of past origins: errors, bias and coverage of their intervals.

The calibration of each origin is fitted on the origins that were over by then. See
:mod:`rossmann_ml.evaluation.metrics` for the scores of store-days.
"""

from __future__ import annotations

import polars as pl

from rossmann_ml.evaluation.metrics import SCORES
from rossmann_ml.models.calibration import INTERVAL_LEVELS, Calibration, origins_with_earlier
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.models.totals import GROUPS, add_up

_BOUNDS = [f"{side}_{level}" for level in INTERVAL_LEVELS for side in ("lower", "upper")]


def total_outcomes(rows: pl.DataFrame, stores: pl.DataFrame, *, horizon_days: int) -> pl.DataFrame:
    """Add past forecasts and actuals up to totals, with the bounds that would have been served.

    Args:
        rows: Open days with sales: ``forecast_origin, store_id, target_date, horizon_days, sales,
            log_forecast`` (before the bias factor), ``forecast`` (EUR, as it would have been
            served) and ``spread``, as :func:`rossmann_ml.evaluation.backtest.served` returns them.
        stores: ``store_id, store_type, assortment, state``.
        horizon_days: Number of days of the horizon.

    Returns:
        Columns of :func:`rossmann_ml.models.totals.add_up`, ``sales_unbiased`` and the bounds, all
        in EUR. Without an origin that was over by then, bounds are null and ``sales_unbiased`` is
        the sum of the daily forecasts.
    """
    parts = []
    for part, earlier in origins_with_earlier(rows):
        totals = add_up(part, stores, horizon_days=horizon_days)
        if earlier.is_empty():
            unknown = {name: pl.lit(None, pl.Float64) for name in _BOUNDS}
            parts.append(totals.with_columns(sales_unbiased="forecast", **unknown))
            continue
        # one daily calibration for all earlier origins, as in a bundle of that time
        log_shift = Calibration.fit(earlier).log_shift
        served = earlier.with_columns(forecast=(pl.col("log_forecast") + log_shift).exp())
        calibration = TotalCalibration.fit(served, stores, horizon_days=horizon_days)
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


def score_totals(
    rows: pl.DataFrame, stores: pl.DataFrame, *, model: str, horizon_days: int
) -> pl.DataFrame:
    """Score the totals of past origins by level and span.

    Args:
        rows: Rows as for :func:`total_outcomes`.
        stores: ``store_id, store_type, assortment, state``.
        model: Name of the model in the result.
        horizon_days: Number of days of the horizon.

    Returns:
        ``model, forecast_origin`` (null: all origins together), ``segment_kind, segment`` and
        the scores of :data:`rossmann_ml.evaluation.metrics.SCORES`, over totals instead of
        store-days; ``store_days`` is the number of store-days in the totals. The kinds are
        ``total_<level>_week`` for calendar weeks and ``total_<level>_horizon`` for the whole
        horizon, with the segment ``all`` and, for levels between store and chain, each segment.
        Kinds that end in ``_sum`` score the plain sum of the daily forecasts, without intervals.
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
    inside = {
        f"inside_{level}": pl.col("sales").is_between(f"lower_{level}", f"upper_{level}")
        for level in INTERVAL_LEVELS
    }
    no_interval = {name: pl.lit(None, pl.Boolean) for name in inside}
    scored = []
    for span, totals in spans.items():
        kind = pl.format("total_{}_{}", "level", pl.lit(span))
        judged = pl.concat(
            [
                totals.with_columns(
                    kind.alias("segment_kind"), forecast="sales_unbiased", **inside
                ),
                totals.with_columns(pl.format("{}_sum", kind).alias("segment_kind"), **no_interval),
            ]
        ).sort("segment_kind", "forecast_origin", "segment", "first_date")
        pooled = judged.with_columns(segment=pl.lit("all"))
        for frame in (judged.filter(pl.col("level").is_in(GROUPS)), pooled):
            scored += [frame, frame.with_columns(forecast_origin=pl.lit(None, pl.Date))]
    by = ["forecast_origin", "segment_kind", "segment"]
    scores = {**SCORES, "store_days": pl.col("store_days").sum()}
    return (
        pl.concat(frame.group_by(by, maintain_order=True).agg(**scores) for frame in scored)
        .select(pl.lit(model).alias("model"), pl.all())
        .sort("model", *by)
    )
