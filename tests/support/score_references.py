"""Calculate scores of forecasts slowly, in plain Python.

The definitions are the docstrings of ``rossmann_ml.evaluation.metrics`` and
``rossmann_ml.evaluation.backtest``; coverage counts only days that have an interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

Row = dict[str, Any]
NO_RANGES: Row = dict.fromkeys(
    ("inside_80", "inside_95", "pinball", "interval_score_80", "interval_score_95")
)
SEGMENT_OF: dict[str, Callable[[Row], str]] = {
    "overall": lambda row: "all",
    # days 1 to 7 are week 1, days 8 to 14 week 2
    "horizon_week": lambda row: str(math.ceil(row["horizon_days"] / 7)),
    "store_type": lambda row: row["store_type"],
    "state": lambda row: "unknown" if row["state"] is None else row["state"],
    "promo": lambda row: "promo" if row["is_promo"] else "no promo",
    "weekday": lambda row: str(row["target_date"].isoweekday()),
    "holiday": lambda row: row["holiday_nearby"],
}


def scores_of(rows: Iterable[Row]) -> dict[str, float | int | None]:
    """Return all scores of rows.

    They have ``sales, forecast, inside_80, inside_95, pinball, interval_score_80`` and
    ``interval_score_95``.
    """
    rows = list(rows)
    errors = [row["forecast"] - row["sales"] for row in rows]
    shares = [error / row["sales"] for error, row in zip(errors, rows, strict=True)]
    sold = math.fsum(row["sales"] for row in rows)
    return {
        "store_days": len(rows),
        "rmspe": math.sqrt(mean([share**2 for share in shares])),
        "rmse": math.sqrt(mean([error**2 for error in errors])),
        "mae": mean([abs(error) for error in errors]),
        "mape": mean([abs(share) for share in shares]),
        "wape": math.fsum(abs(error) for error in errors) / sold,
        "bias": (math.fsum(row["forecast"] for row in rows) - sold) / sold,
        "coverage_80": _share_inside(rows, "inside_80"),
        "coverage_95": _share_inside(rows, "inside_95"),
        "pinball": _pinball(rows),
        "interval_score_80": _mean_known(rows, "interval_score_80"),
        "interval_score_95": _mean_known(rows, "interval_score_95"),
    }


def assert_same(found: float | None, expected: float | None, *, rel_tol: float = 1e-11) -> None:
    """Compare a value with its reference; the last digits depend on the order of a sum."""
    if found is None or expected is None:
        assert found is expected
    else:
        assert math.isclose(found, expected, rel_tol=rel_tol, abs_tol=1e-12), (found, expected)


def mean(values: list[float]) -> float:
    """Return the arithmetic mean."""
    return math.fsum(values) / len(values)


def _share_inside(rows: list[Row], name: str) -> float | None:
    judged = [row[name] for row in rows if row[name] is not None]
    return judged.count(True) / len(judged) if judged else None


def _pinball(rows: list[Row]) -> float | None:
    judged = [row for row in rows if row["pinball"] is not None]
    sold = math.fsum(row["sales"] for row in judged)
    return math.fsum(row["pinball"] for row in judged) / sold if judged else None


def _mean_known(rows: list[Row], name: str) -> float | None:
    known = [row[name] for row in rows if row[name] is not None]
    return mean(known) if known else None


def interval_score(sales: float, lower: float, upper: float, percent: int) -> float:
    """Return the interval score of log sales: width plus 2 / alpha times the distance outside."""
    low, high, actual = math.log(lower), math.log(upper), math.log(sales)
    outside = low - actual if actual < low else actual - high if actual > high else 0.0
    return high - low + 2 / (1 - percent / 100) * outside


def pinball(sales: float, deciles: list[float]) -> float:
    """Return twice the mean pinball loss of the nine deciles."""
    losses = []
    for number, quantile in enumerate(deciles, start=1):
        level = number / 10
        is_above = sales > quantile
        losses.append(level * (sales - quantile) if is_above else (1 - level) * (quantile - sales))
    return 2 * mean(losses)


def segments_of(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows of every segment, by kind and name."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        for kind, name in SEGMENT_OF.items():
            found.setdefault((kind, name(row)), []).append(row)
    return found


def by_origin(rows: Iterable[Row]) -> dict[date, list[Row]]:
    """Return the rows of every origin."""
    found: dict[date, list[Row]] = {}
    for row in rows:
        found.setdefault(row["forecast_origin"], []).append(row)
    return found
