"""``marts.forecast_accuracy``: dbt's SQL, run in memory, against a reference in loops.

Definitions: the descriptions in dbt_project/models/marts/forecast_accuracy.yml and
first_served_forecasts.yml. Only forecasts as first served count, on open days with sales.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.base.settings import PROJECT_DIR

MARTS = PROJECT_DIR / "dbt_project" / "models" / "marts"
FIRST = date(2015, 6, 5)
FORECASTS = """
    forecast_origin DATE, store_id INTEGER, target_date DATE, horizon_days INTEGER,
    is_open BOOLEAN, sales_forecast DOUBLE, lower_80 DOUBLE, upper_80 DOUBLE,
    lower_95 DOUBLE, upper_95 DOUBLE, model_version VARCHAR, run_id VARCHAR
"""
TABLES = f"""
CREATE TABLE stg_forecasts ({FORECASTS});
CREATE TABLE stg_shadow_forecasts ({FORECASTS});
CREATE TABLE stg_forecast_history ({FORECASTS}, replaced_at INTEGER);
CREATE TABLE fct_daily_sales (
    store_id INTEGER, sales_date DATE, sales DOUBLE, is_open BOOLEAN, is_promo BOOLEAN,
    day_of_week INTEGER
);
CREATE TABLE dim_store (store_id INTEGER, store_type VARCHAR, assortment VARCHAR, state VARCHAR);
CREATE TABLE seasonal_naive (
    forecast_origin DATE, store_id INTEGER, day_of_week INTEGER, sales DOUBLE
);
CREATE TABLE stg_model_versions (model_version VARCHAR, family VARCHAR);
CREATE TABLE stg_backtest_scores (
    model_version VARCHAR, model VARCHAR, forecast_origin DATE, segment_kind VARCHAR,
    segment VARCHAR, rmspe DOUBLE, skill DOUBLE, coverage_80 DOUBLE, coverage_95 DOUBLE
);
"""


def rendered(name: str) -> str:
    """Return the SQL of a dbt model with plain tables as its references."""
    text = (MARTS / f"{name}.sql").read_text(encoding="utf-8")
    return re.sub(r"\{\{ config\(.*?\) \}\}", "", re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", text))


CONNECTION = duckdb.connect(config={"threads": 1})
CONNECTION.execute(TABLES)
CONNECTION.execute(f"CREATE VIEW first_served_forecasts AS {rendered('first_served_forecasts')}")
ACCURACY = rendered("forecast_accuracy")


def world(seed: int) -> dict[str, list[tuple]]:
    """Draw three vintages of three stores over ten days, some served twice, some in shadow."""
    draw = random.Random(seed)
    made: dict[str, list[tuple]] = defaultdict(list)
    days = [FIRST + timedelta(days=n) for n in range(1, 40)]

    def row(origin: date, store: int, day: date, model: str) -> tuple:
        value = draw.choice([800.0, 1000.0, 1250.0])
        ends = (value - 100, value + 100, value - 300, value + 250)
        ahead = (day - origin).days
        return (origin, store, day, ahead, True, value, *ends, model, "run")

    for origin in (FIRST, FIRST + timedelta(days=7), FIRST + timedelta(days=28)):
        for store in (1, 2, 3):
            for day in (origin + timedelta(days=n) for n in range(1, 11)):
                served = draw.choice("mmn")
                made["stg_forecasts"].append(row(origin, store, day, served))
                for replaced_at in draw.sample(range(1, 9), draw.choice([0, 0, 1, 2])):
                    made["stg_forecast_history"].append(
                        (*row(origin, store, day, "m"), replaced_at)
                    )
                for challenger in ("c", "d"):
                    if draw.random() < 0.3:
                        made["stg_shadow_forecasts"].append(row(origin, store, day, challenger))
            for weekday in range(1, 8):
                if draw.random() < 0.7:
                    naive = (origin, store, weekday, draw.choice([900.0, 1000.0]))
                    made["seasonal_naive"].append(naive)
    for store in (1, 2, 3):
        for day in days:
            if draw.random() < 0.9:
                sales = draw.choice([0.0, 700.0, 1000.0, 1100.0, 1300.0])
                flags = (draw.random() < 0.9, draw.random() < 0.5)
                made["fct_daily_sales"].append((store, day, sales, *flags, day.isoweekday()))
    made["dim_store"] = [(1, "a", "x", "HE"), (2, "a", "y", None), (3, "b", "x", "BY")]
    made["stg_model_versions"] = [("m", "blend"), ("c", "blend")]
    made["stg_backtest_scores"] = [
        ("m", "blend", None, "overall", "all", 0.11, 0.5, 0.8, 0.95),
        ("m", "lightgbm", None, "overall", "all", 0.99, 0.9, 0.9, 0.9),  # a member of the blend
        ("m", "blend", FIRST, "overall", "all", 0.99, 0.9, 0.9, 0.9),  # a backtest of one origin
        ("c", "blend", None, "state", "HE", 0.12, 0.4, 0.7, 0.9),
    ]
    return made


def first_served(made: dict[str, list[tuple]]) -> list[tuple[str, tuple]]:
    """Return each store-day's forecast as first served, and all shadow forecasts."""
    replaced: dict[tuple, tuple] = {}
    for *row, replaced_at in made["stg_forecast_history"]:
        key = tuple(row[:3])
        if key not in replaced or replaced_at < replaced[key][0]:
            replaced[key] = (replaced_at, tuple(row))
    rows = [("served", row) for _, row in replaced.values()]
    rows += [("served", row) for row in made["stg_forecasts"] if row[:3] not in replaced]
    return rows + [("shadow", row) for row in made["stg_shadow_forecasts"]]


def reference(made: dict[str, list[tuple]]) -> dict[tuple, dict[str, object]]:
    """Return the figures by origin, kind, model and segment."""
    rows = first_served(made)
    served_by = defaultdict(Counter)
    for kind, row in rows:
        if kind == "served":
            served_by[row[0]][row[10]] += 1
    actuals = {(row[0], row[1]): row for row in made["fct_daily_sales"] if row[2] > 0 and row[3]}
    naive = {(origin, store, day): sales for origin, store, day, sales in made["seasonal_naive"]}
    stores = {row[0]: row[1:] for row in made["dim_store"]}
    segments = defaultdict(list)
    for kind, row in rows:
        origin, store, day, ahead, _, value, low_80, high_80, low_95, high_95, model, _ = row
        actual = actuals.get((store, day))
        if actual is None:
            continue
        if kind == "served":  # the most frequent model names the vintage
            counts = served_by[origin]
            model = min(counts, key=lambda each: (-counts[each], each))
        _, _, sales, _, is_promo, weekday = actual
        guess = naive.get((origin, store, weekday))
        judged = {
            "day": day,
            "sales": sales,
            "forecast": value,
            "error": value / sales - 1,
            "naive": None if guess is None else guess / sales - 1,
            "in_80": low_80 <= sales <= high_80,
            "in_95": low_95 <= sales <= high_95,
        }
        store_type, assortment, state = stores[store]
        for segment in (
            ("overall", "all"),
            ("horizon_week", str(math.ceil(ahead / 7))),
            ("store_type", store_type),
            ("assortment", assortment),
            ("state", state or "unknown"),
            ("promo", "promo" if is_promo else "no promo"),
            ("weekday", str(weekday)),
        ):
            segments[origin, kind, model, *segment].append(judged)
    return {key: figures(judged) for key, judged in segments.items()}


def root_mean_square(errors: list[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors))


def figures(rows: list[dict]) -> dict[str, object]:
    """Return the scores of a segment's store-days."""
    errors = [row["error"] for row in rows]
    matched = [row for row in rows if row["naive"] is not None]
    naive = [row["naive"] for row in matched]
    skill = None
    if any(naive):
        skill = 1 - root_mean_square([row["error"] for row in matched]) / root_mean_square(naive)
    return {
        "store_days": len(rows),
        "days": len({row["day"] for row in rows}),
        "first_target_date": min(row["day"] for row in rows),
        "last_target_date": max(row["day"] for row in rows),
        "rmspe": root_mean_square(errors),
        "mape": sum(abs(error) for error in errors) / len(rows),
        "bias": sum(row["forecast"] for row in rows) / sum(row["sales"] for row in rows) - 1,
        "coverage_80": sum(row["in_80"] for row in rows) / len(rows),
        "coverage_95": sum(row["in_95"] for row in rows) / len(rows),
        "rmspe_seasonal_naive": root_mean_square(naive) if naive else None,
        "skill": skill,
    }


def rolling(expected: dict[tuple, dict], key: tuple) -> float:
    """Return the RMSPE of the vintages of 28 days up to an origin, by kind and segment."""
    origin, kind, _, *segment = key
    near = [
        each
        for (other, of_kind, _, *of_segment), each in expected.items()
        if of_kind == kind and of_segment == segment and 0 <= (origin - other).days <= 27
    ]
    squares = sum(each["rmspe"] ** 2 * each["store_days"] for each in near)
    return math.sqrt(squares / sum(each["store_days"] for each in near))


@settings(max_examples=4, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_accuracy_equals_the_plain_reference(seed: int):
    made = world(seed)
    CONNECTION.execute("BEGIN")
    try:
        for table, rows in made.items():
            marks = ", ".join("?" * len(rows[0]))
            values = ", ".join([f"({marks})"] * len(rows))
            flat = [value for row in rows for value in row]
            CONNECTION.execute(f"INSERT INTO {table} VALUES {values}", flat)
        found = CONNECTION.sql(ACCURACY).pl().to_dicts()
    finally:
        CONNECTION.execute("ROLLBACK")
    expected = reference(made)
    columns = ("forecast_origin", "forecast_kind", "model_version", "segment_kind", "segment")
    by_key = {tuple(row[name] for name in columns): row for row in found}
    assert len(by_key) == len(found)
    assert set(by_key) == set(expected)
    promised = {
        ("m", "overall", "all"): (0.11, 0.5, 0.8, 0.95),
        ("c", "state", "HE"): (0.12, 0.4, 0.7, 0.9),
    }
    for key, row in by_key.items():
        for name, value in expected[key].items():
            # the SQL sums decimals with nine digits
            is_number = isinstance(value, float)
            assert row[name] == (pytest.approx(value, abs=1e-7) if is_number else value), name
        assert row["rolling_rmspe"] == pytest.approx(rolling(expected, key), abs=1e-7)
        names = ("rmspe", "skill", "coverage_80", "coverage_95")
        of_backtest = tuple(row[f"backtest_{name}"] for name in names)
        assert of_backtest == promised.get(key[2:], (None,) * 4)
