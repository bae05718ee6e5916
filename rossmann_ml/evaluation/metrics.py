"""Compute error metrics of forecasts for store-days, over all rows and by segment.

Only open days with sales are included, as in the Kaggle competition "Rossmann Store Sales". See
:mod:`rossmann_ml.evaluation.backtest` for making the forecasts.
"""

from __future__ import annotations

import polars as pl

_ERROR = pl.col("forecast") - pl.col("sales")
_RELATIVE = pl.col("forecast") / pl.col("sales") - 1

SCORES = {
    "store_days": pl.len(),
    "rmspe": _RELATIVE.pow(2).mean().sqrt(),
    "rmse": _ERROR.pow(2).mean().sqrt(),
    "mae": _ERROR.abs().mean(),
    "mape": _RELATIVE.abs().mean(),
    "bias": pl.col("forecast").sum() / pl.col("sales").sum() - 1,
    "coverage_80": pl.col("inside_80").cast(pl.Float64).mean(),
    "coverage_95": pl.col("inside_95").cast(pl.Float64).mean(),
}
"""Polars expression that computes each metric.

``store_days`` is the number of store-days, ``rmspe`` the root mean squared percentage error,
``rmse`` the root mean squared error and ``mae`` the mean absolute error in EUR, ``mape`` the mean
absolute percentage error, ``bias`` the sum of forecasts divided by the sum of sales minus 1
(positive if forecasts are too high), ``coverage_80`` and ``coverage_95`` the shares of days whose
sales are inside the intervals."""

SEGMENTS = {
    "overall": pl.lit("all"),
    "horizon_week": ((pl.col("horizon_days") - 1) // 7 + 1).cast(pl.String),
    "store_type": pl.col("store_type").cast(pl.String),
    "state": pl.col("state").cast(pl.String).fill_null("unknown"),
    "promo": pl.when(pl.col("is_promo")).then(pl.lit("promo")).otherwise(pl.lit("no promo")),
    "weekday": pl.col("target_date").dt.strftime("%u"),
    "holiday": pl.col("holiday_nearby"),
}


def score_segments(rows: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    """Compute error metrics of forecasts, over all rows and by segment.

    Args:
        rows: Open days with sales: ``store_id, target_date, horizon_days, sales, forecast`` (both
            in EUR), ``inside_80, inside_95`` (whether sales are inside the interval, null if there
            is none), ``store_type, state`` (null if unknown), ``is_promo`` (boolean),
            ``holiday_nearby`` (``near a holiday`` or ``ordinary``), and the columns named in
            ``by``.
        by: Names of columns; rows with different values in them, such as different models or
            origins, get separate metrics.

    Returns:
        Columns in ``by``, ``segment_kind`` (a key of ``SEGMENTS``, such as ``state``; ``overall``
        for all rows), ``segment`` (such as ``BY``) and the metrics in ``SCORES``; sorted by all
        columns before the metrics.
    """
    # a fixed order of the rows in each group makes the sums bit-identical
    ordered = rows.sort(*by, "store_id", "target_date", "horizon_days")
    scored = [
        ordered.group_by(*by, segment_kind=pl.lit(kind), segment=segment, maintain_order=True).agg(
            **SCORES
        )
        for kind, segment in SEGMENTS.items()
    ]
    return pl.concat(scored).sort(*by, "segment_kind", "segment")
