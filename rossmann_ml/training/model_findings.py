"""Describe a model's weaknesses and fairness in sentences, from its backtest scores.

:func:`weaknesses` and :func:`fairness` take the rows in ``forecasting.backtest_scores`` for one
model version. See :mod:`rossmann_ml.evaluation.backtest` for computing the metrics in these rows.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.evaluation.error_parts import has_christmas
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
    """Choose one model's rows that hold the error metrics over all origins together.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.
        model: Value of the column ``model``: the blend, a member, ``linear`` or a baseline.

    Returns:
        The rows of `scores`, one per segment; ``forecast_origin`` is null in these rows.
    """
    return scores.filter((pl.col("model") == model) & pl.col("forecast_origin").is_null())


def weaknesses(scores: pl.DataFrame) -> list[str]:
    """Describe the weaknesses of a model in sentences, for its card.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.

    Returns:
        Sentences in this order: one for each segment whose RMSPE is above the overall RMSPE by the
        factor ``_CLEARLY_WORSE``, highest RMSPE first; one that lists the segments with a bias
        above ``_CLEAR_BIAS`` in size; one that lists the segments whose coverage of the 80%
        interval is outside ``_USUAL_COVERAGE_80``; the sentences of :func:`_weak_origins`; and a
        fixed sentence on days with unplanned events, such as roadworks.

        If no segment's RMSPE is that high, a sentence says so. The sentences on bias and coverage
        are left out if they would list no segment.
    """
    return [
        *_weak_segments(scores),
        *_weak_origins(scores),
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


def _weak_segments(scores: pl.DataFrame) -> list[str]:
    (overall,) = pooled(scores).filter(pl.col("segment_kind") == "overall")["rmspe_median"]
    kind = pl.col("segment_kind")
    segments = (
        pooled(scores)
        .filter(kind.is_in(list(SEGMENT_NAMES)))
        .with_columns(name=pl.format("{} “{}”", kind.replace(SEGMENT_NAMES), "segment"))
        .sort("segment_kind", "segment")
    )
    worse = segments.filter(pl.col("rmspe_median") > overall * _CLEARLY_WORSE)
    found = [
        f"{name}: RMSPE {value:.4f}, {value / overall - 1:.0%} above the whole's {overall:.4f}."
        for name, value in worse.sort("rmspe_median", descending=True, maintain_order=True)
        .select("name", "rmspe_median")
        .iter_rows()
    ] or [f"No segment's RMSPE is more than {_CLEARLY_WORSE - 1:.0%} above the whole's."]
    size = pl.col("bias").abs()
    biased = segments.filter(size > _CLEAR_BIAS).sort(size, descending=True, maintain_order=True)
    if len(biased):
        listed = ", ".join(map("{} {:+.1%}".format, biased["name"], biased["bias"]))
        found.append(
            "Sums of daily forecasts are off (the daily point minimises RMSPE and so is a little "
            f"low; totals are corrected for it): {listed}."
        )
    uncovered = segments.filter(~pl.col("coverage_80").is_between(*_USUAL_COVERAGE_80))
    if len(uncovered):
        uncovered = uncovered.sort("coverage_80", maintain_order=True)
        listed = ", ".join(map("{} {:.1%}".format, uncovered["name"], uncovered["coverage_80"]))
        found.append(f"The 80% interval holds clearly fewer or more days than 80% in: {listed}.")
    return found


def _weak_origins(scores: pl.DataFrame) -> list[str]:
    """Describe how RMSPE differs between forecast origins, in sentences.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.

    Returns:
        Sentences on the origin with the blend's highest RMSPE, on each origin at which a baseline
        had a lower RMSPE than the blend, and on the origins whose horizon contains Christmas Eve.
        If there is only one origin, or no horizon contains Christmas Eve, a sentence says that this
        was not measured.
    """
    overall = scores.filter(
        pl.col("segment_kind") == "overall", pl.col("forecast_origin").is_not_null()
    ).sort("forecast_origin")
    origins = overall.filter(pl.col("model") == BLEND)
    median = np.median(origins["rmspe"]) if len(origins) else math.nan
    if len(origins) < 2:
        found = ["One past origin alone was judged: how accuracy moves over the year is unknown."]
    else:
        worst = origins.sort("rmspe", "forecast_origin").row(-1, named=True)
        found = [
            f"The worst of {len(origins)} origins was {worst['forecast_origin']} with RMSPE "
            f"{worst['rmspe']:.4f} and bias {worst['bias']:+.1%}; the median is {median:.4f}."
        ]
    own = dict(origins.select("forecast_origin", "rmspe").iter_rows())
    found += [
        f"At {origin} the reference {model} was better: {rmspe:.4f} against {own[origin]:.4f}."
        for model in (SEASONAL_NAIVE, MEDIAN)
        for origin, rmspe in overall.filter(pl.col("model") == model)
        .select("forecast_origin", "rmspe")
        .iter_rows()
        if rmspe < own.get(origin, 0)
    ]
    weeks = pooled(scores).filter(pl.col("segment_kind") == "horizon_week")["segment"]
    horizon_days = 7 * max(map(int, weeks), default=1)
    spanning = ", ".join(
        f"{rmspe:.4f} from {origin}"
        for origin, rmspe in own.items()
        if has_christmas(origin, horizon_days)
    )
    found.append(
        f"Over Christmas RMSPE was {spanning}, compared with a median of {median:.4f} over all "
        "origins."
        if spanning
        else "No origin of the backtest looks ahead over Christmas: how good forecasts of the last "
        "weeks of the year are was not measured here, and they are the hardest of the year."
    )
    return found
