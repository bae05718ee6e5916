"""Describe a model's weaknesses and fairness in sentences, from its backtest scores.

:func:`weaknesses` and :func:`fairness` take the rows in ``forecasting.backtest_scores`` for one
model version. See :mod:`rossmann_ml.evaluation.backtest` for computing these error metrics.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.models.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.models.blend import BLEND

SEGMENT_NAMES = {
    "store_type": "store type",
    "state": "state",
    "promo": "promotion",
    "weekday": "weekday",
    "holiday": "holiday",
    "horizon_week": "horizon week",
}
"""For each ``segment_kind`` that the model card mentions, its name in sentences."""

# A segment is listed when its RMSPE exceeds the overall one by this factor. Two groups are compared
# with the square, because they may differ in opposite directions.
_CLEARLY_WORSE = 1.10
# A segment is listed when its absolute bias exceeds this; two groups are compared with twice that.
_CLEAR_BIAS = 0.02
# A segment is listed when the coverage of its 80% interval is outside these limits.
_USUAL_COVERAGE_80 = (0.75, 0.85)


def pooled(scores: pl.DataFrame, model: str = BLEND) -> pl.DataFrame:
    """Return one model's error metrics over all origins together.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.
        model: Value of the column ``model``: the blend, a member or a reference.
    """
    return scores.filter((pl.col("model") == model) & pl.col("forecast_origin").is_null())


def weaknesses(scores: pl.DataFrame) -> list[str]:
    """Describe each weakness of a model in one sentence.

    Sentences about segments with a high RMSPE come first, sorted by RMSPE, highest first.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.
    """
    return [
        *_worst_segments(scores),
        *_biased_segments(scores),
        *_uncovered_segments(scores),
        *_worst_origin(scores),
        *_origins_behind_a_reference(scores),
        _christmas(scores),
        "Single days with an event that is in no plan (roadworks, a competitor's closing, a "
        "stock-out) cannot be forecast; they are most of the largest errors.",
    ]


def fairness(scores: pl.DataFrame) -> str:
    """Describe how accuracy and bias differ between store types and between states, in sentences.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.
    """
    parts = []
    for kind in ("store_type", "state"):
        name = SEGMENT_NAMES[kind]
        segments = (
            pooled(scores).filter(pl.col("segment_kind") == kind).sort("rmspe_median", "segment")
        )
        if len(segments) < 2:
            parts.append(f"There is no more than one {name} to compare.")
            continue
        best, worst = segments.row(0, named=True), segments.row(-1, named=True)
        low, high = (segments.sort("bias", "segment").row(at, named=True) for at in (0, -1))
        ratio = worst["rmspe_median"] / best["rmspe_median"]
        said = (
            f"By {name}, RMSPE is between {best['rmspe_median']:.4f} ({best['segment']}) and "
            f"{worst['rmspe_median']:.4f} ({worst['segment']}), {ratio:.2f} times as "
            f"much; bias between {low['bias']:+.1%} ({low['segment']}) and "
            f"{high['bias']:+.1%} ({high['segment']})."
        )
        uneven = ratio > _CLEARLY_WORSE**2 or high["bias"] - low["bias"] > 2 * _CLEAR_BIAS
        parts.append(
            f"{said} "
            + (
                f"That is uneven: plans made by these forecasts serve {worst['segment']} worse, so "
                "give it more slack."
                if uneven
                else "No group is served clearly worse than another."
            )
        )
    parts.append(
        "States are an attribute of stores, not of people: nothing about customers or staff is in "
        "the data beyond the number of customers a day. Segments with few store-days move by "
        "chance; their number is in the tables above."
    )
    return "\n\n".join(parts)


def _by_segment(scores: pl.DataFrame) -> pl.DataFrame:
    return pooled(scores).filter(pl.col("segment_kind").is_in(list(SEGMENT_NAMES)))


def _named(row: dict[str, object]) -> str:
    return f"{SEGMENT_NAMES[str(row['segment_kind'])]} “{row['segment']}”"


def _worst_segments(scores: pl.DataFrame) -> list[str]:
    (overall,) = pooled(scores).filter(pl.col("segment_kind") == "overall")["rmspe_median"]
    worse = (
        _by_segment(scores)
        .filter(pl.col("rmspe_median") > overall * _CLEARLY_WORSE)
        .sort("rmspe_median", "segment_kind", "segment", descending=[True, False, False])
    )
    return [
        f"{_named(row)}: RMSPE {row['rmspe_median']:.4f}, {row['rmspe_median'] / overall - 1:.0%} "
        f"above the whole's {overall:.4f}."
        for row in worse.iter_rows(named=True)
    ] or [f"No segment's RMSPE is more than {_CLEARLY_WORSE - 1:.0%} above the whole's."]


def _biased_segments(scores: pl.DataFrame) -> list[str]:
    biased = (
        _by_segment(scores)
        .filter(pl.col("bias").abs() > _CLEAR_BIAS)
        .sort(pl.col("bias").abs(), "segment_kind", "segment", descending=[True, False, False])
    )
    if biased.is_empty():
        return []
    listed = ", ".join(f"{_named(row)} {row['bias']:+.1%}" for row in biased.iter_rows(named=True))
    return [
        "Sums of daily forecasts are off (the daily point minimises RMSPE and so is a little "
        f"low; totals are corrected for it): {listed}."
    ]


def _uncovered_segments(scores: pl.DataFrame) -> list[str]:
    off = (
        _by_segment(scores)
        .filter(~pl.col("coverage_80").is_between(*_USUAL_COVERAGE_80))
        .sort("coverage_80", "segment_kind", "segment")
    )
    if off.is_empty():
        return []
    listed = ", ".join(
        f"{_named(row)} {row['coverage_80']:.1%}" for row in off.iter_rows(named=True)
    )
    return [f"The 80% interval holds clearly fewer or more days than 80% in: {listed}."]


def _by_origin(scores: pl.DataFrame, model: str = BLEND) -> pl.DataFrame:
    return scores.filter(
        (pl.col("model") == model)
        & (pl.col("segment_kind") == "overall")
        & pl.col("forecast_origin").is_not_null()
    ).sort("forecast_origin")


def _worst_origin(scores: pl.DataFrame) -> list[str]:
    origins = _by_origin(scores)
    if len(origins) < 2:
        return ["One past origin alone was judged: how accuracy moves over the year is unknown."]
    worst = origins.sort("rmspe", "forecast_origin").row(-1, named=True)
    return [
        f"The worst of {len(origins)} origins was {worst['forecast_origin']} with RMSPE "
        f"{worst['rmspe']:.4f} and bias {worst['bias']:+.1%}; the median is "
        f"{np.median(origins['rmspe']):.4f}."
    ]


def _origins_behind_a_reference(scores: pl.DataFrame) -> list[str]:
    own = _by_origin(scores).select("forecast_origin", own="rmspe")
    return [
        f"At {row['forecast_origin']} the reference {model} was better: {row['rmspe']:.4f} against "
        f"{row['own']:.4f}."
        for model in (SEASONAL_NAIVE, MEDIAN)
        for row in _by_origin(scores, model)
        .join(own, on="forecast_origin")
        .filter(pl.col("rmspe") < pl.col("own"))
        .iter_rows(named=True)
    ]


def _christmas(scores: pl.DataFrame) -> str:
    weeks = _by_segment(scores).filter(pl.col("segment_kind") == "horizon_week")["segment"]
    days = max((int(week) for week in weeks), default=1) * 7
    origins = _by_origin(scores)
    spanning = [
        row
        for row in origins.iter_rows(named=True)
        if any(
            row["forecast_origin"]
            < date(year, 12, 24)
            <= row["forecast_origin"] + timedelta(days=days)
            for year in (row["forecast_origin"].year, row["forecast_origin"].year + 1)
        )
    ]
    if not spanning:
        return (
            "No origin of the backtest looks ahead over Christmas: how good forecasts of the last "
            "weeks of the year are was not measured here, and they are the hardest of the year."
        )
    figures = ", ".join(f"{row['rmspe']:.4f} from {row['forecast_origin']}" for row in spanning)
    median = np.median(origins["rmspe"])
    return (
        f"Over Christmas RMSPE was {figures}, compared with a median of {median:.4f} over all "
        "origins."
    )
