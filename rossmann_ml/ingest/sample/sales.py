"""Generate the sales of the sample: log sales are a sum of effects of chain, state and store.

Entry points: :func:`make_sales`, :func:`opening`, :func:`has_rows`. Each call generates a block of
days for all stores, which does not depend on other blocks.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from rossmann_ml.ingest.sample.calendar import STATES, ChainCalendar
from rossmann_ml.ingest.sample.randomness import Floats, day_normals, day_uniforms
from rossmann_ml.ingest.sample.stores import (
    REFURBISHMENT_FIRST,
    REFURBISHMENT_LAST,
    Integers,
    Stores,
)

# Log effects by weekday (Monday first) and store type (a, b, c, d) without a promotion.
_WEEKDAY = np.log(
    [
        [0.92, 0.97, 0.91, 0.92],
        [0.85, 0.90, 0.83, 0.82],
        [0.83, 0.89, 0.81, 0.80],
        [0.84, 0.92, 0.82, 0.82],
        [0.93, 0.98, 0.91, 0.94],
        [0.78, 0.77, 0.97, 0.96],
        [0.47, 1.14, 0.50, 0.53],
    ]
)
_PROMO = np.array([0.44, 0.36, 0.31, 0.28, 0.20, 0.0, 0.0])
# Days 1 to 5 of a month, and the last day, the last but one and so on: wages come at month's end.
_MONTH_START = np.array([0.12, 0.12, 0.08, 0.06, 0.03])
_MONTH_END = np.array([0.12, 0.16, 0.08, 0.06])
_ZERO_SALES_SHARE = 0.0001
_LOCAL_EVENT_SHARE = 0.001
_LEVEL_DATE = date(2014, 1, 1).toordinal()
_DAYS_PER_YEAR = 365.25


def opening(calendar: ChainCalendar, rows: slice, stores: Stores) -> npt.NDArray[np.bool_]:
    """Return whether each store is open, shape (days, stores).

    Args:
        calendar: Calendar of the whole sample.
        rows: Rows of the calendar to compute.
        stores: Stores of the chain.
    """
    is_sunday = calendar.day_of_week[rows, None] == 7
    is_holiday = calendar.holiday_code[rows][:, stores.state] > 0
    day = calendar.ordinals[rows, None]
    is_closed_spell = (day >= stores.closed_first) & (day <= stores.closed_last)
    return np.asarray(
        (~is_sunday | stores.opens_sundays)
        & (~is_holiday | stores.opens_holidays)
        & ~is_closed_spell
    )


def _season(days: list[date]) -> tuple[Floats, Floats]:
    """Return two effects on the chain's log sales, each of shape (days,).

    The first is the season of the year with Christmas. The second is higher sales around the end
    of a month, when wages are paid.
    """
    season = np.empty(len(days))
    bumps = np.zeros(len(days))
    for row, day in enumerate(days):
        angle = 2 * np.pi * (day.timetuple().tm_yday - 1) / _DAYS_PER_YEAR
        season[row] = 0.02 * np.sin(angle) - 0.04 * np.cos(angle) - 0.03 * np.sin(2 * angle)
        christmas = (date(day.year, 12, 24) - day).days
        if 0 < christmas <= 32:
            season[row] += 0.14 + 0.50 * (1 - christmas / 32) ** 2
        elif christmas == 0:
            season[row] -= 0.20
        elif christmas == -7:
            season[row] -= 0.30
        if day.day <= len(_MONTH_START):
            bumps[row] += _MONTH_START[day.day - 1]
        left = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - day).days - 1
        if left < len(_MONTH_END) and day.month != 12:
            bumps[row] += _MONTH_END[left]
    return season, bumps


def _promo2_rounds(days: list[date], stores: Stores) -> npt.NDArray[np.bool_]:
    """Return whether Promo2 restarts at a store in a day's month, shape (days, stores).

    Promo2 is a continuing promotion of some stores, which restarts every three months.
    """
    # PromoInterval k starts in months k, k + 3, …; its ISO weeks are compared as year * 100 + week
    iso_weeks = np.array([day.isocalendar().year * 100 + day.isocalendar().week for day in days])
    since = stores.promo2_year * 100 + stores.promo2_week
    months = np.array([(day.month - 1) % 3 + 1 for day in days])
    taking_part = (stores.promo_interval > 0) & (iso_weeks[:, None] >= since)
    rounds = months[:, None] == stores.promo_interval
    return np.asarray(taking_part & rounds)


def _competition(days: list[date], stores: Stores) -> Floats:
    """Return how much of a competitor's full effect a store feels, 0 to 1, shape (days, stores).

    The share is 0 before the competitor's opening and grows evenly to 1 four months after it. It is
    1 if the opening is unknown, where ``stores.competition_effect`` is 0.
    """
    months = np.array([12 * day.year + day.month - 1 + (day.day - 1) / 31 for day in days])
    open_months = months[:, None] - stores.competition_since
    return np.clip(open_months / 4, 0.0, 1.0)


def has_rows(calendar: ChainCalendar, rows: slice, stores: Stores) -> npt.NDArray[np.bool_]:
    """Return whether ``train.csv`` has a row for each store-day, shape (days, stores).

    A refurbished store has no rows during its refurbishment.

    Args:
        calendar: Calendar of the whole sample.
        rows: Rows of the calendar to compute.
        stores: Stores of the chain.
    """
    day = calendar.ordinals[rows, None]
    is_refurbishing = (REFURBISHMENT_FIRST.toordinal() <= day) & (
        day <= REFURBISHMENT_LAST.toordinal()
    )
    return np.asarray(~(is_refurbishing & stores.is_refurbished))


def make_sales(
    calendar: ChainCalendar, rows: slice, stores: Stores, seed: int
) -> tuple[Integers, Integers]:
    """Return sales in EUR and numbers of customers, each of shape (days, stores).

    Both are 0 for closed stores and for about one open store-day in 10,000. They are computed for
    every store-day, also where :func:`has_rows` is false.

    Args:
        calendar: Calendar of the whole sample.
        rows: Rows of the calendar to compute.
        stores: Stores of the chain.
        seed: Seed of the sample.
    """
    ordinals = calendar.ordinals[rows]
    days = [date.fromordinal(day) for day in ordinals.tolist()]
    weekday = calendar.day_of_week[rows] - 1
    is_promo = calendar.is_promo[rows]
    state = stores.state
    years = (ordinals - _LEVEL_DATE) / _DAYS_PER_YEAR
    season, bumps = _season(days)

    by_state = 0.15 * calendar.is_eve[rows] + 0.08 * calendar.is_day_after[rows]
    by_state += 0.012 * day_normals(seed, "state shock", ordinals, len(STATES))
    chain = bumps + 0.025 * day_normals(seed, "chain shock", ordinals, 1)[:, 0]

    log_sales = stores.level + years[:, None] * stores.trend
    log_sales += _WEEKDAY[weekday][:, stores.store_type]
    log_sales += (_PROMO[weekday] * is_promo)[:, None] * stores.promo_strength
    log_sales += chain[:, None] + season[:, None] * stores.season_strength
    log_sales += by_state[:, state]
    log_sales += calendar.is_school_holiday[rows][:, state] * stores.school_effect
    log_sales += _promo2_rounds(days, stores) * stores.promo2_effect
    log_sales += _competition(days, stores) * stores.competition_effect
    angle = 2 * np.pi * (ordinals - _LEVEL_DATE)[:, None] / stores.swing_days
    log_sales += stores.swing * np.sin(angle + stores.swing_phase)
    # a refurbished store reopens with slightly higher sales
    is_back = ordinals > REFURBISHMENT_LAST.toordinal()
    log_sales += 0.04 * (is_back[:, None] & stores.is_refurbished)

    chance = day_uniforms(seed, "event", ordinals, len(stores))
    noise = day_normals(seed, "noise", ordinals, len(stores)) * stores.noise
    # a street festival, a burst pipe: a few days are far from any possible forecast
    noise[chance < _LOCAL_EVENT_SHARE] *= 4

    is_selling = opening(calendar, rows, stores) & (chance >= _ZERO_SALES_SHARE)
    sales = np.where(is_selling, np.rint(np.exp(log_sales + noise)), 0).astype(np.int64)

    spend = stores.spend * np.exp(0.12 * is_promo + 0.012 * years)[:, None]
    spend *= np.exp(0.03 * day_normals(seed, "spend", ordinals, len(stores)))
    customers = np.where(sales > 0, np.maximum(1, np.rint(sales / spend)), 0).astype(np.int64)
    return sales, customers
