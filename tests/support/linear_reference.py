"""Calculate the linear forecast slowly: column by column, day by day, in 64 bits.

The definitions are the docstrings of ``rossmann_ml.features.linear`` and ``linear_design`` and
decision 7 (the month in working days); every constant is a literal number here. The regressions
are solved as least squares over single observations, where a penalty is one more observation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np

from rossmann_ml.features.grid import PlanGrid
from support import frozen_world

EASTER = {
    2012: date(2012, 4, 8),
    2013: date(2013, 3, 31),
    2014: date(2014, 4, 20),
    2015: date(2015, 4, 5),
    2016: date(2016, 3, 27),
}
# The second Sunday in May.
MOTHERS_DAY = {
    2012: date(2012, 5, 13),
    2013: date(2013, 5, 12),
    2014: date(2014, 5, 11),
    2015: date(2015, 5, 10),
    2016: date(2016, 5, 8),
}
EASTER_SPANS = {
    "carnival Thursday": (-52, -52),
    "carnival Monday": (-48, -48),
    "carnival Tuesday": (-47, -47),
    "the third week before": (-17, -11),
    "the second week before": (-10, -5),
    "Wednesday before": (-4, -4),
    "Thursday before": (-3, -3),
    "Saturday before": (-1, -1),
    "the week after": (2, 6),
    "before Ascension": (37, 38),
    "after Ascension": (40, 41),
    "before Whitsun": (47, 48),
    "after Whitsun": (51, 52),
    "before Corpus Christi": (58, 59),
    "after Corpus Christi": (61, 62),
}
DATE_SPANS = {
    "Valentine's Day": ((2, 13), (2, 14)),
    "before May Day": ((4, 29), (4, 30)),
    "after May Day": ((5, 2), (5, 2)),
    "the last week before Christmas": ((12, 17), (12, 21)),
    "two days before Christmas Eve": ((12, 22), (12, 23)),
    "Christmas Eve": ((12, 24), (12, 24)),
    "after Christmas": ((12, 27), (12, 30)),
    "New Year's Eve": ((12, 31), (12, 31)),
    "the first week of January": ((1, 2), (1, 6)),
}
# Penalty by annual harmonic, in days of the whole chain.
HARMONIC_PENALTY = {0: 0.0, 1: 1.0, 2: 30.0, 3: 300.0}


@dataclass(frozen=True)
class Column:
    """A column of the linear forecast.

    Attributes:
        block: Topic of the column.
        name: Name in messages.
        value: Function that returns the value of a store's row and a day's number.
        harmonic: Number of the annual harmonic, 0 for other columns.
        is_slow: Whether a store's own history shows little of it.
    """

    block: str
    name: str
    value: Callable[[int, int], float]
    harmonic: int = 0
    is_slow: bool = False


@cache
def working_days(year: int, month: int) -> frozenset[date]:
    """Return the working days of a month: Monday to Friday without the nine nationwide holidays."""
    feasts = {EASTER[year] + timedelta(days=number) for number in (-2, 1, 39, 50)}
    feasts |= {date(year, *day) for day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))}
    days = (date(year, month, 1) + timedelta(days=number) for number in range(31))
    return frozenset(
        day for day in days if day.month == month and day.weekday() < 5 and day not in feasts
    )


def bump(at: float, width: float, days: float) -> float:
    """Return the value of a bell curve of height 1."""
    return math.exp(-(((days - at) / width) ** 2) / 2)


def columns(plan: PlanGrid) -> list[Column]:
    """Return the columns of a plan in the design's order."""
    first, count = plan.first_date, plan.is_open.shape[1]

    def day_of(number: int) -> date:
        return first + timedelta(days=number)

    def by_date(value: Callable[[date], float]) -> Callable[[int, int], float]:
        values = [float(value(day_of(number))) for number in range(count)]
        return lambda _store, number: values[number]

    def on_promo(value: Callable[[int, int], float]) -> Callable[[int, int], float]:
        return lambda store, number: value(store, number) if plan.is_promo[store, number] else 0.0

    def working_before(day: date) -> int:
        return sum(other < day for other in working_days(day.year, day.month))

    def working_after(day: date) -> int:
        return sum(other > day for other in working_days(day.year, day.month))

    def ramp(day: date) -> float:
        """Return 0 on 19 November, rising to 1 on Christmas Eve, and 0 after it."""
        until = (date(day.year, 12, 24) - day).days
        return (35 - until) / 35 if 0 <= until <= 35 else 0.0

    weekday_names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    weekday = [
        Column("weekday", name, by_date(lambda day, n=number: day.weekday() == n))
        for number, name in enumerate(weekday_names)
    ]
    month = [
        Column(
            "month", f"start+{at}", by_date(lambda day, b=(at, w): bump(*b, working_before(day)))
        )
        for at, w in ((0, 0.7), (2, 1.2), (10, 2.0))
    ] + [
        Column("month", f"end-{at}", by_date(lambda day, b=(at, w): bump(*b, working_after(day))))
        for at, w in ((0, 0.7), (1, 1.0), (4, 1.5))
    ]
    special = [
        Column(
            "special_day",
            f"Easter: {name}",
            by_date(lambda day, s=span: s[0] <= (day - EASTER[day.year]).days <= s[1]),
        )
        for name, span in EASTER_SPANS.items()
    ]
    special += [
        Column(
            "special_day",
            f"Mother's Day: {span}",
            by_date(lambda day, s=span: s[0] <= (day - MOTHERS_DAY[day.year]).days <= s[1]),
        )
        for span in ((-4, -2), (-1, -1))
    ]
    special += [
        Column(
            "special_day", name, by_date(lambda day, s=span: s[0] <= (day.month, day.day) <= s[1])
        )
        for name, span in DATE_SPANS.items()
    ]
    trend = Column("trend", "years", lambda _store, number: number / 365.25, is_slow=True)
    season = []
    for order in (1, 2, 3):
        for name, wave in (("sine", math.sin), ("cosine", math.cos)):
            value = by_date(
                lambda day, k=order, w=wave: w(2 * math.pi * k * day.timetuple().tm_yday / 365.25)
            )
            season.append(Column("season", f"{name} {order}", value, order, is_slow=True))
    season.append(Column("season", "the weeks to Christmas", by_date(ramp), is_slow=True))
    promo = [Column("promo", f"promo {each.name}", on_promo(each.value)) for each in weekday[:6]]
    promo += [
        Column("promo", f"promo {each.name}", on_promo(each.value), is_slow=True)
        for each in (*month, trend)
    ]
    return [*weekday, *month, *special, trend, *season, *promo, *store_columns(plan)]


def store_columns(plan: PlanGrid) -> list[Column]:
    """Return the columns that differ by store."""
    count = plan.is_open.shape[1]

    def promo(store: int, number: int) -> bool:
        return bool(plan.is_promo[store, number])

    def school(store: int, number: int) -> bool:
        return bool(plan.is_school_holiday[store, number])

    def holiday(store: int, number: int) -> bool:
        return 0 <= number < count and bool(plan.state_holiday[store, number] > 0)

    def next_holiday_in(days: int) -> Callable[[int, int], float]:
        return lambda store, number: (
            holiday(store, number + days)
            and not any(holiday(store, number + less) for less in range(days))
        )

    def last_holiday_was(days: int) -> Callable[[int, int], float]:
        return lambda store, number: (
            holiday(store, number - days)
            and not any(holiday(store, number - less) for less in range(days))
        )

    def follows(store: int, number: int) -> bool:
        """Return whether the running promotion began at most 3 days after the last one ended."""
        if not promo(store, number):
            return False
        while number > 0 and promo(store, number - 1):
            number -= 1
        return any(promo(store, number - back) for back in range(2, 5) if number - back >= 0)

    def closed(store: int, number: int, step: int) -> int:
        """Count the closed days right before or after a day; 14 if the plan contains no end."""
        found = 0
        number += step
        while found < 14 and 0 <= number < count and not plan.is_open[store, number]:
            found += 1
            number += step
        return 14 if found and not 0 <= number < count else found

    def weekday(number: int) -> int:
        return (plan.first_date + timedelta(days=number)).weekday()

    return [
        Column("holiday", "school holiday", school),
        Column("holiday", "school holiday and promo", lambda s, n: school(s, n) and promo(s, n)),
        Column("promo", "promo right after another", follows),
        Column("holiday", "state holiday", holiday),
        Column("holiday", "1 day before a holiday", next_holiday_in(1)),
        Column("holiday", "2 days before", next_holiday_in(2)),
        Column("holiday", "3 days before", next_holiday_in(3)),
        Column("holiday", "1 day after a holiday", last_holiday_was(1)),
        Column("holiday", "2 days after", last_holiday_was(2)),
        Column(
            "closing",
            "before a closed day, Sundays aside",
            lambda s, n: closed(s, n, 1) >= 1 and weekday(n) != 5,
        ),
        Column(
            "closing",
            "after a closed day, Sundays aside",
            lambda s, n: closed(s, n, -1) >= 1 and weekday(n) != 0,
        ),
        Column("closing", "before 2 closed days", lambda s, n: closed(s, n, 1) >= 2),
        Column("closing", "after 2 closed days", lambda s, n: closed(s, n, -1) >= 2),
        Column("closing", "after 7 closed days", lambda s, n: closed(s, n, -1) >= 7),
    ]


def rows(plan: PlanGrid) -> np.ndarray:
    """Return all columns of all store-days of a plan, shape (stores, columns, days)."""
    return laid_out(columns(plan), plan)


def laid_out(wanted: list[Column], plan: PlanGrid) -> np.ndarray:
    """Return the values of the given columns, shape (stores, columns, days)."""
    stores, days = plan.is_open.shape
    return np.array(
        [
            [[float(column.value(store, day)) for day in range(days)] for column in wanted]
            for store in range(stores)
        ]
    )


COLUMNS = columns(frozen_world.inputs().plan)
"""The columns of the frozen world's plan."""


@cache
def frozen_rows() -> np.ndarray:
    """Return all columns of all store-days of the frozen world's plan."""
    return laid_out(COLUMNS, frozen_world.inputs().plan)


@dataclass(frozen=True)
class Solution:
    """Coefficients by least squares.

    Attributes:
        chain: Coefficients of the chain, shape (columns,).
        stores: Coefficients of each store, shape (stores, columns).
        level: Level of each store, shape (stores,).
    """

    chain: np.ndarray
    stores: np.ndarray
    level: np.ndarray


def day_weight(day: int, days: int, half_life: float) -> float:
    """Return the weight of a day: it halves with every half-life, by age in blocks of 91 days."""
    blocks_ago = (days - 1) // 91 - day // 91
    return 0.5 ** (91 * blocks_ago / half_life)


def least_squares(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve the normal equations."""
    return np.linalg.solve(left.T @ left, left.T @ right)


def solve(
    kinds: list[Column], design_rows: np.ndarray, sales: np.ndarray, groups: list[int]
) -> Solution:
    """Solve both ridge regressions over the days of ``sales``, from the plan's first day on.

    Args:
        kinds: Columns of any plan, for their penalties.
        design_rows: Result of :func:`rows` for the plan.
        sales: Sales, shape (stores, days); days without sales do not count.
        groups: Group number of each store.
    """
    stores, days = sales.shape
    seen = [[day for day in range(days) if sales[store, day] > 0] for store in range(stores)]
    log_sales = [np.log(sales[store, seen[store]]) for store in range(stores)]
    design = [design_rows[store][:, seen[store]].T for store in range(stores)]
    of_chain = [np.array([day_weight(day, days, 1460) for day in each]) for each in seen]
    of_store = [np.array([day_weight(day, days, 730) for day in each]) for each in seen]

    with_days = [store for store in range(stores) if seen[store]]
    penalty = np.array([20 + len(with_days) * HARMONIC_PENALTY[kind.harmonic] for kind in kinds])
    left, right = [], []
    for store in with_days:
        # one unpenalised level per store
        is_store = np.zeros((len(seen[store]), len(with_days)))
        is_store[:, with_days.index(store)] = 1
        root = np.sqrt(of_chain[store])[:, None]
        left.append(root * np.hstack([design[store], is_store]))
        right.append(root[:, 0] * log_sales[store])
    left.append(np.hstack([np.diag(np.sqrt(penalty)), np.zeros((len(kinds), len(with_days)))]))
    right.append(np.zeros(len(kinds)))
    chain = least_squares(np.vstack(left), np.concatenate(right))[: len(kinds)]

    total = [float((of_chain[s] * (log_sales[s] - design[s] @ chain)).sum()) for s in range(stores)]
    weight = [float(of_chain[s].sum()) for s in range(stores)]
    # the level of a chain without any sales is that of a typical drugstore, exp(8.5) EUR
    overall = sum(total) / sum(weight) if sum(weight) else 8.5
    coefficients, levels = np.empty((stores, len(kinds))), np.empty(stores)
    for store in range(stores):
        group = [other for other in range(stores) if groups[other] == groups[store]]
        # a group's mean has a prior of ten days of the chain's mean
        group_level = (sum(total[s] for s in group) + 10 * overall) / (
            sum(weight[s] for s in group) + 10
        )
        # the chain's coefficients weigh 2 days, slow ones 80, and the group's level 1
        held = np.array([*(80.0 if kind.is_slow else 2.0 for kind in kinds), 1.0])
        prior = np.append(chain, group_level)
        root = np.sqrt(of_store[store])[:, None]
        own = np.hstack([design[store], np.ones((len(seen[store]), 1))])
        left = np.vstack([root * own, np.diag(np.sqrt(held))])
        right = np.concatenate([root[:, 0] * log_sales[store], np.sqrt(held) * prior])
        answer = least_squares(left, right)
        coefficients[store], levels[store] = answer[:-1], answer[-1]
    return Solution(chain, coefficients, levels)
