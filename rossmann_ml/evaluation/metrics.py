"""Score forecasts of store-days, as a whole and by segment.

All scores are over open days with sales, the rule of the Rossmann competition. See
:mod:`rossmann_ml.evaluation.backtest` for the forecasts that are scored.
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
"""Expression of each score: number of store-days, root mean squared percentage error, root mean
squared error and mean absolute error in EUR, mean absolute percentage error, bias (relative to the
sum of sales, positive if forecasts are too high), and share of days inside the intervals."""

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
    """Score forecasts as a whole and by segment.

    Args:
        rows: Open days with sales: ``sales, forecast, inside_80, inside_95`` (booleans, null
            without interval), ``horizon_days, store_type, state`` (null: unknown), ``is_promo,
            target_date, holiday_nearby`` and the columns of ``by``.
        by: Columns whose values are scored separately, such as model and origin.

    Returns:
        Columns of ``by``, ``segment_kind, segment`` and the scores of ``SCORES``, sorted.
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
