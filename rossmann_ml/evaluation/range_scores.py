"""Score quantiles and intervals of forecasts with proper scoring rules, row by row.

A proper scoring rule is lowest on average for the true distribution of sales, so it judges coverage
and width of intervals together. The mean over rows is computed in
:mod:`rossmann_ml.evaluation.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.calibration import INTERVAL_LEVELS, Calibration

DECILES = tuple(number / 10 for number in range(1, 10))
"""Levels of the quantiles in the pinball loss."""

NO_RANGE_SCORES = {
    **{f"inside_{level}": pl.lit(None, pl.Boolean) for level in INTERVAL_LEVELS},
    "pinball": pl.lit(None, pl.Float64),
    **{f"interval_score_{level}": pl.lit(None, pl.Float64) for level in INTERVAL_LEVELS},
}
"""Null columns of :func:`range_scores`, for forecasts without intervals."""


def range_scores(rows: pl.DataFrame, calibration: Calibration) -> pl.DataFrame:
    """Score the quantiles and intervals of a calibration on the sales of store-days.

    Args:
        rows: Rows as for :meth:`rossmann_ml.models.calibration.Calibration.quantiles_of`, and
            ``sales`` (EUR).
        calibration: Calibration, fitted on earlier origins.

    Returns:
        ``inside_80, inside_95`` (whether sales are inside the interval), ``pinball`` (EUR, see
        :func:`pinball_loss`), ``interval_score_80, interval_score_95`` (log units, see
        :func:`interval_score`), in the order of ``rows``.
    """
    bounds = calibration.bounds(rows)
    loss = pinball_loss(
        rows["sales"].to_numpy(), calibration.quantiles_of(rows, DECILES), levels=DECILES
    )
    return (
        bounds.with_columns(rows["sales"], pinball=pl.Series(loss))
        .with_columns(**interval_columns())
        .select(list(NO_RANGE_SCORES))
    )


def interval_columns() -> dict[str, pl.Expr]:
    """Return expressions for ``inside_80, interval_score_80`` and the same for 95.

    They need the columns ``sales, lower_80, upper_80, lower_95, upper_95`` (EUR, above 0).
    """
    columns: dict[str, pl.Expr] = {}
    for level in INTERVAL_LEVELS:
        lower, upper = pl.col(f"lower_{level}"), pl.col(f"upper_{level}")
        columns[f"inside_{level}"] = pl.col("sales").is_between(lower, upper)
        columns[f"interval_score_{level}"] = interval_score(
            pl.col("sales").log(), lower.log(), upper.log(), level=level
        )
    return columns


def interval_score(actual: pl.Expr, lower: pl.Expr, upper: pl.Expr, *, level: int) -> pl.Expr:
    """Return the interval score of Gneiting & Raftery (2007, section 6.2); lower is better.

    It is the width of the interval, plus ``2 / alpha`` times the distance of the actual value from
    the interval if it is outside, where ``alpha`` is the share of values expected outside. On logs
    of sales, a score of 0.35 is that of an interval whose upper bound is 42% above the lower one
    and that sales never leave. T. Gneiting and A. E. Raftery, "Strictly proper scoring rules,
    prediction, and estimation", JASA 102 (2007), 359-378.

    Args:
        actual: Actual value.
        lower: Lower bound.
        upper: Upper bound.
        level: Coverage of the interval in percent.
    """
    outside = (lower - actual).clip(0) + (actual - upper).clip(0)
    return upper - lower + 2 / (1 - level / 100) * outside


def pinball_loss(
    actual: FloatArray, quantiles: FloatArray, *, levels: Sequence[float]
) -> FloatArray:
    """Return twice the mean pinball loss over quantiles (Koenker & Bassett 1978).

    The pinball loss of the quantile q of level t is ``t (y - q)`` if the actual value y is above q,
    else ``(1 - t) (q - y)``. Because of the factor two, the loss of nine equal deciles is the
    absolute error of that value. So the sum of losses over the sum of sales (the weighted quantile
    loss) is comparable with WAPE, and the smaller it is, the more the quantiles add to a single
    value. R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46 (1978), 33-50.

    Args:
        actual: Actual values, shape (rows,).
        quantiles: Quantiles in the unit of ``actual``, shape (rows, levels).
        levels: Probabilities with which values are below the quantiles.

    Returns:
        Losses in the unit of ``actual``, shape (rows,).
    """
    error = actual[:, None] - quantiles
    level = np.asarray(levels)
    return np.asarray(2 * np.maximum(level * error, (level - 1) * error).mean(axis=1))
