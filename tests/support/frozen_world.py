"""Build one small chain that resembles the real data, identical in every run and on every machine.

Twelve stores from 2013-01-01, 900 days of sales up to :data:`ORIGIN` (a Friday) and a plan for 63
days more. Integer arithmetic replaces random numbers, so a new library version cannot change it.

===== ==== ========== ===== ==================================================================
store type assortment state special property
===== ==== ========== ===== ==================================================================
1     a    a          HE    none; an old competitor, no long-running promotion (promo2)
2     a    a          TH    promo2 since before the history
3     a    c          NW    competitor that opens within the history
4     c    c          BE    competitor without opening date
5     b    b          BW    open on Sundays and on most holidays; promo2 begins in the history
6     d    c          NW    no known competitor; promo2 begins within the horizon
7     d    a          none  unknown state
8     a    c          HE    opens on 2014-10-06
9     d    c          TH    refurbished from 2014-07-01 to 2014-12-31: no rows
10    c    a          BE    an open day without a sale, 2014-05-14
11    a    a          BW    promo2 without a first day; school holidays a week later
12    b    a          NW    opens 2015-06-29, within the horizon: no sales yet
===== ==== ========== ===== ==================================================================
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import polars as pl

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.panel import FeatureInputs

FIRST_DAY = date(2013, 1, 1)
ORIGIN = date(2015, 6, 19)
HORIZON_DAYS = 42
LOOKAHEAD_DAYS = 21
LAST_DAY = ORIGIN + timedelta(days=HORIZON_DAYS + LOOKAHEAD_DAYS)
PARAMS = FeatureParams(
    half_lives_days=[60, 180, 400], residual_windows_days=[7, 14, 28, 56, 91, 182, 364]
)

SUNDAY_STORE, LATE_STORE, REFURBISHED_STORE, ZERO_STORE, NEW_STORE = 5, 8, 9, 10, 12
ZERO_DAY = date(2014, 5, 14)
REFURBISHED = (date(2014, 7, 1), date(2014, 12, 31))
OPENING = {LATE_STORE: date(2014, 10, 6), NEW_STORE: date(2015, 6, 29)}


class Store(NamedTuple):
    """A row of the store table, and the level of the store's log sales."""

    store_type: str
    assortment: str
    state: str | None
    distance_m: float | None
    competitor_since: date | None
    promo2_since: date | None
    promo2_months: str | None
    level: float


STORES = {
    1: Store("a", "a", "HE", 1270.0, date(2008, 9, 1), None, None, 8.5),
    2: Store("a", "a", "TH", 570.0, date(2007, 11, 1), date(2010, 3, 29), "Jan,Apr,Jul,Oct", 8.7),
    3: Store("a", "c", "NW", 14130.0, date(2014, 3, 1), date(2011, 4, 4), "Feb,May,Aug,Nov", 9.0),
    4: Store("c", "c", "BE", 620.0, None, None, None, 9.1),
    5: Store("b", "b", "BW", 29910.0, date(2015, 4, 1), date(2014, 1, 27), "Mar,Jun,Sep,Dec", 9.3),
    6: Store("d", "c", "NW", None, None, date(2015, 7, 6), "Jan,Apr,Jul,Oct", 8.6),
    7: Store("d", "a", None, 310.0, date(2013, 9, 1), None, None, 8.4),
    8: Store("a", "c", "HE", 7520.0, date(2014, 10, 1), None, None, 8.9),
    9: Store("d", "c", "TH", 2030.0, date(2000, 8, 1), date(2009, 11, 9), "Jan,Apr,Jul,Oct", 8.3),
    10: Store("c", "a", "BE", 3160.0, date(2009, 9, 1), None, None, 8.8),
    11: Store("a", "a", "BW", 960.0, date(2011, 11, 1), None, "Feb,May,Aug,Nov", 8.6),
    12: Store("b", "a", "NW", 1180.0, date(2013, 12, 1), None, None, 9.0),
}
WITH_PROMO2 = {2, 3, 5, 6, 9, 11}

# Easter Sundays, from which the other movable holidays are counted.
EASTER = {2013: date(2013, 3, 31), 2014: date(2014, 4, 20), 2015: date(2015, 4, 5)}
SCHOOL_HOLIDAYS = [
    (date(2013, 1, 1), date(2013, 1, 4)),
    (date(2013, 3, 25), date(2013, 4, 5)),
    (date(2013, 7, 8), date(2013, 8, 16)),
    (date(2013, 10, 14), date(2013, 10, 25)),
    (date(2013, 12, 23), date(2014, 1, 3)),
    (date(2014, 4, 14), date(2014, 4, 25)),
    (date(2014, 7, 14), date(2014, 8, 22)),
    (date(2014, 10, 13), date(2014, 10, 24)),
    (date(2014, 12, 22), date(2015, 1, 2)),
    (date(2015, 3, 30), date(2015, 4, 10)),
    (date(2015, 6, 29), date(2015, 8, 7)),
]
WEEKDAY_EFFECT = (0.20, 0.02, -0.03, -0.05, 0.04, -0.12, 0.30)


def chance(store_id: int, day: date) -> float:
    """Return a pseudo-random number from -1 to 1 that depends only on the store-day."""
    mixed = store_id * 0x9E3779B1 + day.toordinal() * 0x85EBCA77
    total = 0
    for _ in range(3):  # the sum of three is approximately normal
        mixed = (mixed ^ (mixed >> 15)) * 0x2C1B3C6D & 0xFFFFFFFF
        mixed = (mixed ^ (mixed >> 12)) * 0x297A2D39 & 0xFFFFFFFF
        total += (mixed ^ (mixed >> 15)) % 2001 - 1000
    return total / 3000


@cache
def state_holiday(day: date, state: str | None) -> str:
    """Return the code of a day: ``a`` public holiday, ``b`` Easter, ``c`` Christmas, ``0`` none."""
    from_easter = (day - EASTER[day.year]).days
    if from_easter in {-2, 1}:
        return "b"
    if (day.month, day.day) in {(12, 25), (12, 26)}:
        return "c"
    everywhere = (day.month, day.day) in {(1, 1), (5, 1), (10, 3)} or from_easter in {39, 50}
    corpus_christi = from_easter == 60 and state in {"HE", "NW", "BW"}
    reformation = (day.month, day.day) == (10, 31) and state == "TH"
    epiphany = (day.month, day.day) == (1, 6) and state == "BW"
    return "a" if everywhere or corpus_christi or reformation or epiphany else "0"


def is_school_holiday(store_id: int, day: date) -> bool:
    """Return whether schools are closed; a week later for store 11."""
    shifted = day - timedelta(days=7) if store_id == 11 else day
    return any(first <= shifted <= last for first, last in SCHOOL_HOLIDAYS)


def is_promo(day: date) -> bool:
    """Return whether a promotion runs: Monday to Friday, every other week, some weeks in a row."""
    week = (day - date(2012, 12, 31)).days // 7
    return day.weekday() < 5 and (week % 2 == 1 or week % 10 == 4)


def has_rows(store_id: int, day: date) -> bool:
    """Return whether the retailer delivered a row of a store-day."""
    opening = OPENING.get(store_id, FIRST_DAY)
    away = store_id == REFURBISHED_STORE and REFURBISHED[0] <= day <= REFURBISHED[1]
    return day >= opening and not away


def is_open(store_id: int, day: date) -> bool:
    """Return whether a store opens; store 5 closes only on New Year's Day and Christmas."""
    holiday = state_holiday(day, STORES[store_id].state)
    if store_id == SUNDAY_STORE:
        return holiday != "c" and (day.month, day.day) != (1, 1)
    return day.weekday() < 6 and holiday == "0"


def sales(store_id: int, day: date) -> int:
    """Return sales in whole EUR; 0 on closed days and on the open day without sales."""
    if not is_open(store_id, day) or (store_id == ZERO_STORE and day == ZERO_DAY):
        return 0
    of_year = day.timetuple().tm_yday / 365.25
    until_christmas = (date(day.year, 12, 24) - day).days
    log_sales = (
        STORES[store_id].level
        + WEEKDAY_EFFECT[day.weekday()]
        + (0.22 + 0.015 * store_id) * is_promo(day)
        + 0.03 * (day - FIRST_DAY).days / 365.25
        + 0.05 * math.sin(2 * math.pi * of_year)
        + (0.01 * (28 - until_christmas) if 0 <= until_christmas <= 28 else 0.0)
        + (0.10 if day.day <= 3 else 0.06 if day.day >= 29 else 0.0)
        + 0.04 * is_school_holiday(store_id, day)
        + 0.18 * chance(store_id, day)
        + 0.08 * chance(0, day)
    )
    return round(math.exp(log_sales))


@cache
def frames() -> dict[str, pl.DataFrame]:
    """Build the frames of ``FeatureInputs.from_frames``: ``history``, ``plan`` and ``stores``."""
    days = [FIRST_DAY + timedelta(days=number) for number in range((LAST_DAY - FIRST_DAY).days + 1)]
    keys = [(store_id, day) for store_id in STORES for day in days if has_rows(store_id, day)]
    past = [(store_id, day) for store_id, day in keys if day <= ORIGIN]
    history = pl.DataFrame(
        [(store_id, day, float(sales(store_id, day))) for store_id, day in past],
        schema={"store_id": pl.Int32, "sales_date": pl.Date, "sales": pl.Float64},
        orient="row",
    )
    plan = pl.DataFrame(
        [
            (
                store_id,
                day,
                is_open(store_id, day),
                is_promo(day),
                state_holiday(day, STORES[store_id].state),
                is_school_holiday(store_id, day),
            )
            for store_id, day in keys
        ],
        schema={
            "store_id": pl.Int32,
            "plan_date": pl.Date,
            "is_open": pl.Boolean,
            "is_promo": pl.Boolean,
            "state_holiday": pl.String,
            "is_school_holiday": pl.Boolean,
        },
        orient="row",
    )
    return {"history": history, "plan": plan, "stores": store_frame()}


def store_frame() -> pl.DataFrame:
    """Build the rows of ``core.dim_store``."""
    return pl.DataFrame(
        [
            (
                store_id,
                store.store_type,
                store.assortment,
                store.state,
                store.distance_m,
                store.competitor_since,
                store_id in WITH_PROMO2,
                store.promo2_since,
                store.promo2_months,
            )
            for store_id, store in STORES.items()
        ],
        schema={
            "store_id": pl.Int32,
            "store_type": pl.String,
            "assortment": pl.String,
            "state": pl.String,
            "competition_distance_m": pl.Float64,
            "competition_open_since": pl.Date,
            "has_promo2": pl.Boolean,
            "promo2_since": pl.Date,
            "promo2_months": pl.String,
        },
        orient="row",
    )


@cache
def inputs() -> FeatureInputs:
    """Return the arrays of :func:`frames`; they are shared, so tests must not write into them."""
    made = FeatureInputs.from_frames(**frames())
    grids = (made.sales.sales, made.plan.is_open, made.plan.is_promo)
    for array in (*grids, made.plan.state_holiday, made.plan.is_school_holiday):
        array.flags.writeable = False
    return made
