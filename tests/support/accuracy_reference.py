"""Draw forecasts with sales, and score them row by row, as the mart ``forecast_accuracy`` should.

Definitions: the descriptions in ``forecast_accuracy.yml``, ``first_served_forecasts.yml`` and
``seasonal_naive.yml``.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from support.tiny_generation import forecast_row

Row = dict[str, Any]
FIRST = date(2015, 5, 1)
BACKFILL = "run of a backfill"
# two models of one kind, whose days are added first
STORES = {1: ("a", "a", "HE"), 2: ("a", "c", None), 3: ("b", "c", "BY"), 4: ("a", "a", "HE")}


def world(seed: int) -> dict[str, list[Row]]:
    """Draw vintages, some replaced and some in shadow, and the actual sales."""
    rng = random.Random(seed)

    def vintage(origin: date, model: str, **values: Any) -> list[Row]:
        rows = []
        for store in rng.sample(sorted(STORES), rng.randint(2, 4)):
            for day in rng.sample([1, 2, 7, 8, 14, 15], 3):
                sales = rng.randint(1, 9999) / 4
                bounds = {"lower_80": sales - 200, "upper_80": sales + 300}
                bounds |= {"lower_95": sales - 400, "upper_95": sales + 600}
                rows.append(
                    forecast_row(
                        origin, store, day, is_open=True, sales_forecast=sales,
                        model_version=rng.choice([model, model, "late"]), **bounds, **values,
                    )
                )  # fmt: skip
        return rows

    origins = [FIRST + timedelta(days=day) for day in (0, 1, 28, rng.choice([27, 29, 40]))]
    forecasts = [row for origin in origins for row in vintage(origin, rng.choice("mn"))]
    for row in rng.sample(forecasts, len(forecasts) // 3):
        row["run_id"] = BACKFILL
    history = [
        {**row, "sales_forecast": row["sales_forecast"] + 7 * times, "replaced_at": replaced_at}
        for row in rng.sample(forecasts, 5)
        for times, replaced_at in ((1, datetime(2015, 6, 2)), (2, datetime(2015, 6, 1)))
    ]
    shadows = [
        {**row, "model_version": model}
        for origin in origins[:2]
        for model in ("challenger", "rival")
        for row in vintage(origin, model)
    ]
    actuals = [
        {
            "store_id": store,
            "sales_date": day,
            "day_of_week": day.isoweekday(),
            "sales": rng.choice([0, rng.randint(1, 9999) / 4, rng.randint(1, 9999) / 4]),
            "is_open": rng.random() < 0.9,
            "is_promo": rng.random() < 0.5,
        }
        for store, day in sorted(
            {(row["store_id"], row["target_date"]) for row in forecasts + shadows}
        )
        if rng.random() < 0.9
    ]
    return {
        "forecasts": forecasts, "forecast_history": history, "shadow_forecasts": shadows,
        "actuals": actuals, "known": known_sales(rng), "origins": [{"day": day} for day in origins],
    }  # fmt: skip


def known_sales(rng: random.Random) -> list[Row]:
    """Draw earlier sales in the versions that were known, some of them restated."""
    rows = []
    for store in STORES:
        for back in rng.sample(range(-20, 380), 25):
            day = FIRST - timedelta(days=back)
            restated = day + timedelta(days=3) if rng.random() < 0.4 else None
            versions = [(day, restated), (restated, None)] if restated else [(day, None)]
            rows += [
                {
                    "store_id": store, "sales_date": day, "sales": rng.randint(0, 40) * 25.0,
                    "known_on": known_on, "superseded_on": superseded,
                }
                for known_on, superseded in versions
            ]  # fmt: skip
    return rows


def first_served(drawn: dict[str, list[Row]]) -> list[Row]:
    """Return the forecasts as first served or backfilled, and the shadow forecasts."""
    key = lambda row: (row["forecast_origin"], row["store_id"], row["target_date"])  # noqa: E731
    first: dict[Any, Row] = {}
    for row in sorted(drawn["forecast_history"], key=lambda row: row["replaced_at"]):
        first.setdefault(key(row), row)
    for row in drawn["forecasts"]:
        first.setdefault(key(row), row)
    served = [
        {**row, "kind": "backfilled" if row["run_id"] == BACKFILL else "served"}
        for row in first.values()
    ]
    return served + [{**row, "kind": "shadow"} for row in drawn["shadow_forecasts"]]


def naive(drawn: dict[str, list[Row]], origin: date, store: int, weekday: int) -> float | None:
    """Return the newest sales of the weekday in the 365 days up to the origin, as known then."""
    found = {
        row["sales_date"]: row["sales"]
        for row in drawn["known"]
        if row["store_id"] == store
        and row["sales_date"].isoweekday() == weekday
        and 0 <= (origin - row["sales_date"]).days < 365
        and row["known_on"] <= origin
        and (row["superseded_on"] is None or row["superseded_on"] > origin)
        and row["sales"] > 0
    }
    return found[max(found)] if found else None


def nine_decimals(value: float) -> Decimal:
    """Round as the SQL does before it adds up."""
    return Decimal(value).quantize(Decimal("1e-9"), ROUND_HALF_UP)


def naming_models(served: list[Row]) -> dict[tuple[date, str], str]:
    """Return the model of most forecasts of an origin and kind; of equals, the first by name."""
    by_vintage: dict[tuple[date, str], Counter[str]] = {}
    for row in served:
        if row["kind"] != "shadow":
            models = by_vintage.setdefault((row["forecast_origin"], row["kind"]), Counter())
            models[row["model_version"]] += 1
    return {
        vintage: min(models, key=lambda name: (-models[name], name))
        for vintage, models in by_vintage.items()
    }


def judged(drawn: dict[str, list[Row]]) -> list[Row]:
    """Return the forecasts of open days with sales, with their errors."""
    served = first_served(drawn)
    most = naming_models(served)
    actuals = {
        (actual["store_id"], actual["sales_date"]): actual
        for actual in drawn["actuals"]
        if actual["is_open"] and actual["sales"] > 0
    }
    rows = []
    for row in served:
        origin = row["forecast_origin"]
        actual = actuals.get((row["store_id"], row["target_date"]))
        if actual is not None:
            sales, forecast = actual["sales"], row["sales_forecast"]
            last_year = naive(drawn, origin, row["store_id"], actual["day_of_week"])
            store_type, assortment, state = STORES[row["store_id"]]
            rows.append({
                "vintage": (origin, row["kind"],
                            most.get((origin, row["kind"]), row["model_version"])),
                "day": row["target_date"],
                "segments": [
                    ("overall", "all"),
                    ("horizon_week", str(math.ceil(row["horizon_days"] / 7))),
                    ("store_type", store_type),
                    ("assortment", assortment),
                    ("state", state or "unknown"),
                    ("promo", "promo" if actual["is_promo"] else "no promo"),
                    ("weekday", str(actual["day_of_week"])),
                ],
                "sales": sales,
                "forecast": forecast,
                "error": forecast / sales - 1,
                "naive_error": None if last_year is None else last_year / sales - 1,
                "inside_80": row["lower_80"] <= sales <= row["upper_80"],
                "inside_95": row["lower_95"] <= sales <= row["upper_95"],
            })  # fmt: skip
    return rows


def mean_square(rows: list[Row], name: str = "error") -> float:
    """Return the mean of squared errors."""
    return float(sum(nine_decimals(row[name] ** 2) for row in rows)) / len(rows)


def scores(rows: list[Row], rolling: list[Row]) -> Row:
    """Return the scores of a segment of a vintage, and those over the four weeks up to it."""
    both = [row for row in rows if row["naive_error"] is not None]
    found: Row = {
        "store_days": len(rows),
        "days": len({row["day"] for row in rows}),
        "first_target_date": min(row["day"] for row in rows),
        "last_target_date": max(row["day"] for row in rows),
        "rmspe": math.sqrt(mean_square(rows)),
        "rolling_rmspe": math.sqrt(mean_square(rolling)),
        "mape": float(sum(nine_decimals(abs(row["error"])) for row in rows)) / len(rows),
        "bias": sum(row["forecast"] for row in rows) / sum(row["sales"] for row in rows) - 1,
        "coverage_80": sum(row["inside_80"] for row in rows) / len(rows),
        "coverage_95": sum(row["inside_95"] for row in rows) / len(rows),
        "rmspe_seasonal_naive": None,
        "skill": None,
    }
    if both:
        naively = mean_square(both, "naive_error")
        found["rmspe_seasonal_naive"] = math.sqrt(naively)
        found["skill"] = 1 - math.sqrt(mean_square(both) / naively) if naively else None
    return found
