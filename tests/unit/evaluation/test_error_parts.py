"""Parts of the error compared with pairs of days (``rossmann_ml.evaluation.error_parts``)."""

from __future__ import annotations

import itertools
import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from support.evaluation_world import FAMILIES, made_folds
from support.score_references import Row, assert_same, by_origin, mean

from rossmann_ml.evaluation.backtest import served
from rossmann_ml.evaluation.error_parts import (
    error_parts,
    has_christmas,
    level_errors,
    part_variances,
)
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.serving.part_names import PARTS

KEY = RecipeKey("features", {family: f"of {family}" for family in FAMILIES}, shrinkage=0.2)
START = date(2014, 9, 7)
ORIGINS = [START, START + timedelta(days=14), date(2014, 12, 21)]


def plain_variances(rows: list[Row]) -> dict[str, float]:
    """Compare every pair of days of every store."""
    days: dict[date, list[float]] = {}
    for row in rows:
        days.setdefault(row["target_date"], []).append(row["error"])
    chain = mean([row["error"] for row in rows])
    own = [(row, row["error"] - mean(days[row["target_date"]])) for row in rows]
    products: dict[str, list[float]] = {"other": [], "week": [], "weekday": []}
    for (one, first), (two, second) in itertools.combinations(own, 2):
        if one["store_id"] != two["store_id"]:
            continue
        if math.ceil(one["horizon_days"] / 7) == math.ceil(two["horizon_days"] / 7):
            kind = "week"
        elif one["target_date"].weekday() == two["target_date"].weekday():
            kind = "weekday"
        else:
            kind = "other"
        products[kind].append(first * second)
    shared = {kind: mean(values) for kind, values in products.items()}
    whole = mean([error**2 for _, error in own])
    return {
        "chain_horizon": chain**2,
        "chain_day": mean([(mean(days[row["target_date"]]) - chain) ** 2 for row in rows]),
        "store_horizon": shared["other"],
        "store_week": shared["week"] - shared["other"],
        "store_weekday": shared["weekday"] - shared["other"],
        "store_day": whole + shared["other"] - shared["week"] - shared["weekday"],
    }


def test_parts_are_what_pairs_of_days_share_at_every_origin_and_on_average() -> None:
    folds = made_folds(3, origins=ORIGINS)
    found = {
        (row["model"], row["season"], row["forecast_origin"], row["part"]): row["log_error"]
        for row in error_parts(folds, KEY).rows(named=True)
    }
    logs = {name: folds[name] for name in (*FAMILIES, "linear")}
    logs["blend"] = served(folds, KEY)["log_forecast"]
    expected = {}
    for model, log in logs.items():
        errors = folds.with_columns(error=log - pl.col("sales").log()).filter(
            pl.col("error").abs() < math.log(2)
        )
        each = {
            origin: plain_variances(rows)
            for origin, rows in by_origin(errors.rows(named=True)).items()
        }
        ordinary = [each[origin] for origin in ORIGINS[:2]]
        for part in PARTS:
            for origin, variances in each.items():
                season = "christmas" if origin.month == 12 else "ordinary"
                expected[model, season, origin, part] = variances[part]
            expected[model, "ordinary", None, part] = mean([one[part] for one in ordinary])
            expected[model, "christmas", None, part] = each[ORIGINS[2]][part]
    assert found.keys() == expected.keys()
    for key, variance in expected.items():
        assert_same(found[key], math.sqrt(max(variance, 0.0)))


def test_planted_parts_are_found_again_and_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    stores, days = 500, 42
    number = np.arange(days)
    planted = {
        "store_horizon": 0.03 * rng.normal(size=(stores, 1)),
        "store_week": 0.025 * rng.normal(size=(stores, 6))[:, number // 7],
        "store_weekday": 0.02 * rng.normal(size=(stores, 7))[:, number % 7],
        "store_day": 0.08 * rng.normal(size=(stores, days)),
    }
    chain = rng.normal(size=days)
    chain = 0.01 + 0.04 * (chain - chain.mean()) / chain.std()
    rows = pl.DataFrame(
        {
            "store_id": np.repeat(np.arange(stores), days),
            "target_date": [START + timedelta(days=int(day) + 1) for day in number] * stores,
            "horizon_days": np.tile(number + 1, stores),
            "error": (chain + sum(planted.values())).reshape(-1),
        }
    )
    found = part_variances(rows)
    assert sum(found.values()) == pytest.approx(rows["error"].pow(2).mean())
    sizes = {part: math.sqrt(variance) for part, variance in found.items()}
    assert sizes == pytest.approx(
        {
            "chain_horizon": 0.01, "chain_day": 0.04, "store_horizon": 0.03, "store_week": 0.025,
            "store_weekday": 0.02, "store_day": 0.08,
        },
        rel=0.1,
        abs=0.003,
    )  # fmt: skip


def test_a_horizon_of_one_week_does_not_separate_the_parts_of_a_store() -> None:
    week = made_folds(1, origins=[START]).filter(pl.col("horizon_days") <= 7)
    found = error_parts(week, KEY).filter(pl.col("model") == "blend")
    unknown = found.filter(pl.col("log_error").is_null())["part"].unique()
    assert set(unknown) == {part for part in PARTS if part.startswith("store_")}


def test_christmas_is_in_the_horizon_from_the_day_before_it_only() -> None:
    assert has_christmas(date(2014, 11, 12), 42)
    assert not has_christmas(date(2014, 11, 11), 42)
    assert has_christmas(date(2014, 12, 23), 1)
    assert not has_christmas(date(2014, 12, 24), 42)


def test_levels_are_the_errors_of_days_and_of_stores_around_their_day() -> None:
    generator = np.random.default_rng(5)
    rows = pl.DataFrame(
        [
            {"forecast_origin": origin, "store_id": store, "target_date": origin + timedelta(day)}
            for origin in ORIGINS
            for store in range(5)
            for day in range(1, 8)
            if store % day != 3
        ]
    ).with_columns(sales=pl.lit(1000.0))
    errors = {
        "one": generator.normal(0.05, 0.1, len(rows)),
        "other": generator.normal(-0.02, 0.2, len(rows)).clip(-0.6, 0.6),
    }
    errors["one"][3] = errors["other"][20] = 0.7  # wrong by more than a factor of two
    rows = rows.with_columns(
        pl.Series(name, 1000 * np.exp(values)) for name, values in errors.items()
    )
    expected: dict[str, list[float]] = {"chain": [], "store": []}
    for values in errors.values():
        chain, store = [], []
        for origin in ORIGINS:
            days: dict[date, list[float]] = {}
            for number, (row, error) in enumerate(zip(rows.rows(named=True), values, strict=True)):
                if row["forecast_origin"] == origin and number not in {3, 20}:
                    days.setdefault(row["target_date"], []).append(error)
            chain.append(mean([mean(each) ** 2 for each in days.values() for _ in each]))
            store.append(
                mean([(error - mean(each)) ** 2 for each in days.values() for error in each])
            )
        expected["chain"].append(math.sqrt(mean(chain)))
        expected["store"].append(math.sqrt(mean(store)))
    found = level_errors(rows, ["one", "other"])
    assert list(found[0]) == pytest.approx(expected["chain"], rel=1e-12)
    assert list(found[1]) == pytest.approx(expected["store"], rel=1e-12)


def test_levels_without_a_usual_day_are_unknown() -> None:
    rows = pl.DataFrame(
        {"forecast_origin": [START], "target_date": [START], "sales": [1.0], "forecast": [3.0]}
    )
    assert level_errors(rows, ["forecast"]) == []
