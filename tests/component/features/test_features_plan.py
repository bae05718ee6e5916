"""Plan features of the sample compared with a day-by-day reading of the plan."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from dateutil.easter import easter
from support.chain import frames

from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.plan import plan_feature_names, plan_features

LOOK = 14
KINDS = {"0": 0, "a": 1, "b": 2, "c": 3}


@pytest.fixture(scope="module")
def tables(sample_dir: Path) -> dict[str, pl.DataFrame]:
    return frames(sample_dir)


@pytest.fixture(scope="module")
def features(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    stores = StoreGrid.from_frame(tables["stores"])
    plan = PlanGrid.from_frame(tables["plan"], stores)
    shape = plan.is_open.shape
    return pl.DataFrame(
        {
            "store_id": np.repeat(stores.store_ids, shape[1]),
            "plan_date": np.tile(np.array(plan.dates, dtype="datetime64[D]"), shape[0]),
            **{
                name: np.broadcast_to(values, shape).reshape(-1)
                for name, values in plan_features(plan, stores).items()
            },
        }
    )


def test_every_documented_feature_is_made_and_no_other(features: pl.DataFrame) -> None:
    names = list(plan_feature_names())
    assert features.columns == ["store_id", "plan_date", *names]
    assert set(features.select(names).dtypes) == {pl.Float32}


def plain_reading(plan: dict[date, dict], day: date) -> dict[str, float]:
    """Return the expected features of a day, by loops over the days of the plan."""
    shut = {"is_open": False, "is_promo": False, "state_holiday": "0", "is_school_holiday": False}

    def at(offset: int) -> dict:
        return plan.get(day + timedelta(days=offset), shut)

    def distance(is_it, step: int, cap: int = LOOK) -> int:
        inside = (
            number
            for number in range(cap)
            if day + timedelta(days=step * number) in plan and is_it(at(step * number))
        )
        return next(inside, cap)

    def promo(row):
        return row["is_promo"]

    def holiday(row):
        return row["state_holiday"] != "0"

    def school(row):
        return row["is_school_holiday"]

    def closed(row):
        return not row["is_open"]

    def days_between_promos() -> int:
        if not promo(at(0)):
            return -1
        into = distance(lambda row: not promo(row), -1, cap=30)
        before = (number for number in range(LOOK) if promo(at(-into - number)))
        return next(before, LOOK)

    until_holiday = distance(holiday, 1)
    month_end = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return {
        "day_of_week": day.isoweekday(),
        "days_to_month_end": (month_end - day).days,
        "days_from_easter": min(max((day - easter(day.year)).days, -22), 63),
        "is_promo": float(promo(at(0))),
        "promo_day_number": distance(lambda row: not promo(row), -1) - 1 if promo(at(0)) else -1,
        "days_to_promo_end": distance(lambda row: not promo(row), 1) - 1 if promo(at(0)) else -1,
        "days_since_promo": distance(promo, -1),
        "days_until_promo": distance(promo, 1),
        "days_between_promos": days_between_promos(),
        "promo_days_last_week": sum(promo(at(-number)) for number in range(1, 8)),
        "promo_days_next_week": sum(promo(at(number)) for number in range(1, 8)),
        "state_holiday": KINDS[at(0)["state_holiday"]],
        "days_since_state_holiday": distance(holiday, -1),
        "days_until_state_holiday": until_holiday,
        "next_state_holiday": 0
        if until_holiday == LOOK
        else KINDS[at(until_holiday)["state_holiday"]],
        "is_school_holiday": float(school(at(0))),
        "days_until_school_holiday": distance(school, 1),
        "school_days_since_holiday": distance(school, -1),
        "days_since_closed": distance(closed, -1),
        "days_until_closed": distance(closed, 1),
    }


def test_features_agree_with_a_plain_reading_of_the_plan(
    tables: dict[str, pl.DataFrame], features: pl.DataFrame
) -> None:
    choose = random.Random(7)
    stores = choose.sample(tables["stores"]["store_id"].to_list(), 6)
    for store in stores:
        plan = {
            row["plan_date"]: row
            for row in tables["plan"].filter(pl.col("store_id") == store).iter_rows(named=True)
        }
        first = min(plan)
        rows = features.filter(pl.col("store_id") == store)
        # far enough from the ends of the plan, so that both use the same days
        inner = rows.slice(30, len(rows) - 60).sample(60, seed=store)
        for row in inner.iter_rows(named=True):
            day = row["plan_date"]
            if day - timedelta(days=LOOK) < first:
                continue
            expected = plain_reading(plan, day)
            assert {name: row[name] for name in expected} == pytest.approx(expected), (store, day)


def test_a_period_without_rows_is_a_long_closure_that_ends(
    tables: dict[str, pl.DataFrame], features: pl.DataFrame
) -> None:
    spell = tables["plan"].filter(pl.col("plan_date") == date(2014, 9, 1))["store_id"]
    rebuilt = sorted(set(tables["stores"]["store_id"]) - set(spell))
    assert rebuilt, "the sample has stores that are rebuilt in the second half of 2014"
    rows = features.filter(
        (pl.col("store_id") == rebuilt[0])
        & pl.col("plan_date").is_between(date(2014, 12, 31), date(2015, 1, 20))
    )["days_since_long_closure"].to_list()
    assert rows[0] == 0
    assert rows[-1] > 10


def test_stores_not_in_the_store_table_are_named(tables: dict[str, pl.DataFrame]) -> None:
    stores = StoreGrid.from_frame(tables["stores"].filter(pl.col("store_id") != 3))
    with pytest.raises(ValueError, match=r"not in the store table: \[3\]"):
        PlanGrid.from_frame(tables["plan"], stores)
