"""Calculate totals of sales forecasts by definition: segments, spans, sums and concentrations.

See the docstrings of ``rossmann_ml.models.totals`` for the definitions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

Row = Mapping[str, Any]
GROUPS = ("store_type", "assortment", "state")
DAY = timedelta(days=1)


class Total(NamedTuple):
    """The key of a total: origin, level, segment and span."""

    forecast_origin: date
    level: str
    segment: str
    first_date: date
    last_date: date


def spans_of(origin: date, horizon_days: int) -> set[tuple[date, date]]:
    """Return the spans of an origin: calendar weeks cut at the horizon, and the first days."""
    first, last = origin + DAY, origin + horizon_days * DAY
    found = {(first, origin + days * DAY) for days in (7, 14, 28) if days < horizon_days}
    found.add((first, last))
    for number in range(horizon_days):
        day = first + number * DAY
        monday = day - day.weekday() * DAY
        found.add((max(monday, first), min(monday + 6 * DAY, last)))
    return found


def segments_of(store: Row) -> dict[str, str]:
    """Return the segment of a store at every level."""
    return {
        "chain": "all",
        "store_type": store["store_type"],
        "assortment": store["assortment"],
        "state": "unknown" if store["state"] is None else store["state"],
        "store": str(store["store_id"]),
    }


def members(
    rows: Iterable[Row], stores: Iterable[Row], horizon_days: int
) -> dict[Total, list[Row]]:
    """Return the store-days of every total; days of unknown stores belong to none."""
    segments = {store["store_id"]: segments_of(store) for store in stores}
    found: dict[Total, list[Row]] = defaultdict(list)
    for row in rows:
        origin, day = row["forecast_origin"], row["target_date"]
        for level, segment in segments.get(row["store_id"], {}).items():
            for first, last in spans_of(origin, horizon_days):
                if first <= day <= last:
                    found[Total(origin, level, segment, first, last)].append(row)
    return found


def shape(rows: list[Row]) -> dict[str, float]:
    """Return the sums of a total and its concentrations over stores, weeks and days.

    Squares of EUR are summed as whole numbers.
    """
    by_store: dict[int, list[Row]] = defaultdict(list)
    by_week: dict[date, float] = defaultdict(float)
    by_day: dict[date, float] = defaultdict(float)
    for row in rows:
        day = row["target_date"]
        by_store[row["store_id"]].append(row)
        by_week[day - day.weekday() * DAY] += row["forecast"]
        by_day[day] += row["forecast"]
    whole = sum(row["forecast"] for row in rows)
    own = sum(
        round((sum(day["forecast"] for day in days) * max(day["spread"] for day in days)) ** 2)
        for days in by_store.values()
    )
    return {
        "store_days": len(rows),
        "forecast": whole,
        "sales": sum(row.get("sales", 0.0) for row in rows),
        "store_concentration": own / whole**2,
        "week_concentration": min(sum(round(each**2) for each in by_week.values()) / whole**2, 1),
        "day_concentration": min(sum(round(each**2) for each in by_day.values()) / whole**2, 1),
    }


def totals_of(
    rows: list[Row], stores: list[Row], horizon_days: int
) -> dict[Total, dict[str, float]]:
    """Return the sums and concentrations of every total."""
    return {
        total: shape(of_total) for total, of_total in members(rows, stores, horizon_days).items()
    }
