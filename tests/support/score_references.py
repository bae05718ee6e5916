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
    """Return all scores of rows with ``sales, forecast, inside_80, inside_95``."""
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
        "bias": (math.fsum(row["forecast"] for row in rows) - sold) / sold,
        "coverage_80": _share_inside(rows, "inside_80"),
        "coverage_95": _share_inside(rows, "inside_95"),
    }


def assert_same(found: float | None, expected: float | None) -> None:
    """Compare a value with its reference; the last digits depend on the order of a sum."""
    if found is None or expected is None:
        assert found is expected
    else:
        assert math.isclose(found, expected, rel_tol=1e-11, abs_tol=1e-12), (found, expected)


def mean(values: list[float]) -> float:
    """Return the arithmetic mean."""
    return math.fsum(values) / len(values)


def _share_inside(rows: list[Row], name: str) -> float | None:
    judged = [row[name] for row in rows if row[name] is not None]
    return judged.count(True) / len(judged) if judged else None


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
