"""Summarise a backtest in one value per metric, and in one row per origin for a plot.

Entry point: :func:`summarise`. :func:`rossmann_ml.evaluation.backtest.score` has the metrics of all
models and segments.
"""

from __future__ import annotations

import polars as pl

from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.evaluation.metrics import RANGE_SCORES, SCORES
from rossmann_ml.models.blend import BLEND

_NAIVE = (pl.col(SEASONAL_NAIVE) / pl.col("sales") - 1).pow(2).mean().sqrt()
_METRICS = {
    "rmspe": SCORES["rmspe"],
    "rmspe_seasonal_naive": _NAIVE,
    **{name: SCORES[name] for name in ("wape", "bias", "coverage_80", "coverage_95")},
    **RANGE_SCORES,
}
_DIGITS = 4


def summarise(rows: pl.DataFrame) -> tuple[dict[str, float | None], pl.DataFrame]:
    """Compute the metrics of the blend's out-of-fold forecasts, overall and by origin.

    Like in :func:`rossmann_ml.evaluation.backtest.score`, only store-days with both baseline
    forecasts count, and the overall RMSPE is the median over origins.

    Args:
        rows: Result of :func:`rossmann_ml.evaluation.backtest.served`.

    Returns:
        Metrics by name, and a table with ``forecast_origin`` and the same metrics, oldest origin
        first. The overall metrics also have ``origins``, the number of origins. See
        :data:`rossmann_ml.evaluation.metrics.SCORES` and ``RANGE_SCORES`` for the definitions.
        Coverage, pinball loss and interval scores are null if no earlier origin could calibrate the
        intervals. Values are rounded to four decimals.
    """
    known = (
        rows.drop_nulls([SEASONAL_NAIVE, MEDIAN])
        .with_columns(forecast=pl.col(BLEND))
        .sort("forecast_origin", "store_id", "target_date")
    )
    by_origin = known.group_by("forecast_origin", maintain_order=True).agg(**_METRICS)
    overall = known.select(**_METRICS).with_columns(
        by_origin.select(
            pl.col("rmspe", "rmspe_seasonal_naive").median(), origins=pl.len().cast(pl.Int64)
        )
    )
    rounded = pl.selectors.float().round(_DIGITS)
    return overall.with_columns(rounded).row(0, named=True), by_origin.with_columns(rounded)
