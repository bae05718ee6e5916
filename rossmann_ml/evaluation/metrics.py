"""Compute error metrics of forecasts for store-days, over all rows and by segment.

Metrics are computed from sums by origin and segment (:func:`segment_sums`, :func:`score_sums`), so
that metrics over several origins and their bounds need no second pass over the rows. Only open days
with sales are included, as in the Kaggle competition "Rossmann Store Sales". See
:mod:`rossmann_ml.evaluation.backtest` for making the forecasts.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from rossmann_ml.models.calibration import INTERVAL_LEVELS

_ERROR = pl.col("forecast") - pl.col("sales")
_RELATIVE = pl.col("forecast") / pl.col("sales") - 1

_SUMS = {
    "store_days": pl.len(),
    "cases": pl.len(),
    "sales": pl.col("sales").sum(),
    "forecast": pl.col("forecast").sum(),
    "squared_error": _ERROR.pow(2).sum(),
    "absolute_error": _ERROR.abs().sum(),
    "squared_share": _RELATIVE.pow(2).sum(),
    "absolute_share": _RELATIVE.abs().sum(),
    **{f"judged_{level}": pl.col(f"inside_{level}").count() for level in INTERVAL_LEVELS},
    **{f"inside_{level}": pl.col(f"inside_{level}").sum() for level in INTERVAL_LEVELS},
}
SUMS = {
    **_SUMS,
    "pinball": pl.col("pinball").sum(),
    "pinball_sales": pl.col("sales").filter(pl.col("pinball").is_not_null()).sum(),
    **{
        f"interval_score_{level}": pl.col(f"interval_score_{level}").sum()
        for level in INTERVAL_LEVELS
    },
}
"""Polars expression of each sum over rows from which the metrics are computed."""


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)


def _scores(total: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    cases, sales = total["cases"], total["sales"]
    return {
        "store_days": total["store_days"],
        "rmspe": (total["squared_share"] / cases).sqrt(),
        "rmse": (total["squared_error"] / cases).sqrt(),
        "mae": total["absolute_error"] / cases,
        "mape": total["absolute_share"] / cases,
        "wape": total["absolute_error"] / sales,
        "bias": total["forecast"] / sales - 1,
        **{
            f"coverage_{level}": _ratio(total[f"inside_{level}"], total[f"judged_{level}"])
            for level in INTERVAL_LEVELS
        },
    }


def _range_scores(total: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    return {
        "pinball": _ratio(total["pinball"], total["pinball_sales"]),
        **{
            f"interval_score_{level}": _ratio(
                total[f"interval_score_{level}"], total[f"judged_{level}"]
            )
            for level in INTERVAL_LEVELS
        },
    }


SCORES = _scores(_SUMS)
"""Polars expression that computes each metric from rows.

``store_days`` is the number of store-days, ``rmspe`` the root mean squared percentage error,
``rmse`` the root mean squared error and ``mae`` the mean absolute error in EUR, ``mape`` the mean
absolute percentage error, ``wape`` the sum of absolute errors divided by the sum of sales, ``bias``
the sum of forecasts divided by the sum of sales minus 1 (positive if forecasts are too high),
``coverage_80`` and ``coverage_95`` the shares of days whose sales are inside the intervals."""

RANGE_SCORES = _range_scores(SUMS)
"""Polars expression that computes each score of quantiles and intervals from rows.

``pinball`` is the sum of pinball losses divided by the sum of sales, ``interval_score_80`` and
``interval_score_95`` are mean interval scores in log units, see
:mod:`rossmann_ml.evaluation.range_scores`. They are null without intervals, like the coverages."""

_BY_NAME = {name: pl.col(name) for name in SUMS}
SCORES_OF_SUMS = {**_scores(_BY_NAME), **_range_scores(_BY_NAME)}
"""Polars expression that computes each metric in :data:`SCORES` and :data:`RANGE_SCORES` from the
sums in :data:`SUMS`."""

SEGMENTS = {
    "overall": pl.lit("all"),
    "horizon_week": ((pl.col("horizon_days") - 1) // 7 + 1).cast(pl.String),
    "store_type": pl.col("store_type").cast(pl.String),
    "state": pl.col("state").cast(pl.String).fill_null("unknown"),
    "promo": pl.when(pl.col("is_promo")).then(pl.lit("promo")).otherwise(pl.lit("no promo")),
    "weekday": pl.col("target_date").dt.weekday().cast(pl.String),
    "holiday": pl.col("holiday_nearby"),
}
_SEGMENT = ["segment_kind", "segment"]


def segment_sums(rows: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    """Add up what the metrics need, over all rows and by segment.

    Args:
        rows: Open days with sales: ``horizon_days, target_date, sales, forecast`` (both in EUR),
            ``inside_80, inside_95`` (whether sales are inside the interval), ``pinball`` (EUR),
            ``interval_score_80, interval_score_95`` (log units; these five are null if there is no
            interval), ``store_type, state`` (null if unknown), ``is_promo`` (boolean),
            ``holiday_nearby`` (``near a holiday`` or ``ordinary``), and the columns named in
            ``by``. Always in the same order, so that rounding is the same in every run.
        by: Names of columns; rows with different values in them, such as different origins, get
            separate sums.

    Returns:
        Columns in ``by``, ``segment_kind`` (a key of ``SEGMENTS``, such as ``state``; ``overall``
        for all rows), ``segment`` (such as ``BY``) and the sums in ``SUMS``; sorted by all columns
        before the sums.
    """
    # rows that are in the same segments are added up first, because there are few such groups
    cells = rows.group_by(*by, **_renamed(SEGMENTS), maintain_order=True).agg(**SUMS)
    parts = [
        cells.group_by(
            *by,
            segment_kind=pl.lit(kind),
            segment=pl.col(f"segment_{kind}"),
            maintain_order=True,
        ).agg(pl.col(SUMS).sum())
        for kind in SEGMENTS
    ]
    return pl.concat(parts).sort(*by, *_SEGMENT)


def _renamed(segments: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    return {f"segment_{kind}": segment for kind, segment in segments.items()}


def score_segments(rows: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    """Compute error metrics of forecasts, over all rows and by segment.

    Args:
        rows: Rows as for :func:`segment_sums`.
        by: Names of columns as for :func:`segment_sums`.

    Returns:
        The rows of :func:`segment_sums` with the metrics in ``SCORES_OF_SUMS`` in place of the
        sums.
    """
    return segment_sums(rows, by=by).select(*by, *_SEGMENT, **SCORES_OF_SUMS)


def pooled(sums: pl.DataFrame) -> pl.DataFrame:
    """Add up the sums of all origins.

    Args:
        sums: ``model, forecast_origin, segment_kind, segment`` and the sums in ``SUMS``, sorted by
            origin.

    Returns:
        One row per model and segment: the given columns, with a null ``forecast_origin``, and
        ``origins`` and ``interval_origins`` as in :func:`score_sums`.
    """
    return (
        sums.group_by("model", *_SEGMENT, maintain_order=True)
        .agg(
            pl.lit(None, pl.Date).alias("forecast_origin"),
            pl.col(SUMS).sum(),
            origins=pl.len(),
            interval_origins=_has_intervals().sum(),
        )
        .select("model", "forecast_origin", *_SEGMENT, "origins", "interval_origins", *SUMS)
    )


def score_sums(sums: pl.DataFrame) -> pl.DataFrame:
    """Compute error metrics from sums, by origin and for all origins together.

    Args:
        sums: Sums as for :func:`pooled`, one row per origin, model and segment.

    Returns:
        ``model, forecast_origin`` (null: all origins together), ``segment_kind, segment``,
        ``origins`` (number of origins behind the metrics), ``interval_origins`` (number of those
        with intervals, which are behind coverage, pinball loss and interval scores) and the metrics
        in ``SCORES_OF_SUMS``.
    """
    single = sums.with_columns(
        origins=pl.lit(1, pl.UInt32), interval_origins=_has_intervals().cast(pl.UInt32)
    )
    keys = ["model", "forecast_origin", *_SEGMENT]
    return (
        pl.concat([single, pooled(sums)], how="diagonal_relaxed")
        .select(*keys, "origins", "interval_origins", **SCORES_OF_SUMS)
        .sort(keys)
    )


def _has_intervals() -> pl.Expr:
    return pl.any_horizontal(pl.col(f"judged_{level}") > 0 for level in INTERVAL_LEVELS)
