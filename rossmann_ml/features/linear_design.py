"""Compute the regressors (columns) of the linear forecast from calendar and plan.

:class:`LinearDesign` computes and holds the columns. See :mod:`rossmann_ml.features.linear` for
fitting their coefficients, and :mod:`rossmann_ml.features.plan` for the plan features that tree
models use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from dateutil.easter import easter

from rossmann_ml.features.blas import one_blas_thread
from rossmann_ml.features.calendar import (
    days_from_mothers_day,
    working_days_after,
    working_days_before,
)
from rossmann_ml.features.grid import (
    BoolArray,
    Float32Array,
    IntArray,
    PlanGrid,
    days_between_runs,
    days_since,
    days_until,
    weekdays,
)

_YEAR_DAYS = 365.25  # length of a year in trend and season
_HARMONICS = 3  # annual harmonics; linear.py has a penalty for each
# Sales rise towards Christmas Eve from this many days before it.
_CHRISTMAS_RAMP_DAYS = 35
# Bumps of sales within the month: centre and width in working days, because wages are paid on
# working days. With days of the month instead, the chain's daily error is a tenth higher.
_FROM_MONTH_START = ((0, 0.7), (2, 1.2), (10, 2.0))
_TO_MONTH_END = ((0, 0.7), (1, 1.0), (4, 1.5))
# Spans of days after Easter Sunday (first, last), one column each: carnival (its Thursday, Monday
# and Tuesday, which close the Rhineland's shops early), Easter, Ascension, Whitsun, Corpus Christi.
_EASTER_SPANS = (
    (-52, -52), (-48, -48), (-47, -47),
    (-17, -11), (-10, -5), (-4, -4), (-3, -3), (-1, -1), (2, 6),
    (37, 38), (40, 41), (47, 48), (51, 52), (58, 59), (61, 62),
)  # fmt: skip
# Spans of days after Mother's Day: the Saturday before it and the days of that week.
_MOTHERS_DAY_SPANS = ((-4, -2), (-1, -1))
# Spans within the year (first, last) as 100 times the month plus the day, one column each.
_DATE_SPANS = (
    (213, 214), (429, 430), (502, 502),
    (1217, 1221), (1222, 1223), (1224, 1224), (1227, 1230), (1231, 1231), (102, 106),
)  # fmt: skip
# Largest distance in days to holidays, promotions and open days; no column needs a longer one.
_LOOK_DAYS = 14
# A promotion that starts at most this many days after the last one sells less than others.
_FOLLOWS_WITHIN_DAYS = 3


@dataclass(frozen=True)
class LinearDesign:
    """Values of the linear forecast's columns (regressors) on every store-day of a plan.

    The columns of a store-day are ``day_columns``, then ``promo_columns`` (zeros on days without
    promotion), then ``store_columns``.

    Attributes:
        first_date: Date of day 0.
        day_columns: Columns with the same values in all stores, shape (columns, days).
        promo_columns: Columns with the same values in all stores that run a promotion, shape
            (columns, days).
        is_promo: 1 on promotion days, else 0, shape (stores, days).
        store_columns: Columns whose values differ by store, shape (columns, stores, days).
        harmonic: For the sine and cosine columns of the season, the number of waves per year (1 to
            3), else 0, shape (columns,). Columns with more waves have coefficients that are shrunk
            more.
        slow: Whether a column is about trend, season, or changes of a promotion's effect over the
            month and the years, shape (columns,). A single store's history shows little of these,
            so the store's coefficients of slow columns are shrunk more towards the chain's.
        causes: Driver group of each column, see :mod:`rossmann_ml.features.driver_groups`.
    """

    first_date: date
    day_columns: Float32Array
    promo_columns: Float32Array
    is_promo: Float32Array
    store_columns: Float32Array
    harmonic: IntArray
    slow: BoolArray
    causes: tuple[str, ...]

    @classmethod
    def from_plan(cls, plan: PlanGrid) -> LinearDesign:
        """Compute the columns for all days of a plan.

        Columns of the plan's first 7 and last 3 days may be inexact, and those of a promotion that
        starts on its first 4 days, because they also depend on days outside the plan.
        """
        weekday = np.eye(7, dtype=np.float32)[:, weekdays(plan.first_date, plan.days)]
        month, special, season = _month_columns(plan), _special_days(plan), _season_columns(plan)
        store_causes, store = _store_columns(plan)
        # group of causes, columns, and whether they are slow
        day = [
            ("weekday", weekday, False), ("season", month, False), ("holidays", special, False),
            ("trend", season[:1], True), ("season", season[1:], True),
        ]  # fmt: skip
        # the uplift of a promotion differs by weekday and around paydays, and changes over years
        promo = [
            ("promo", weekday[:6], False), ("promo", month, True), ("promo", season[:1], True),
        ]  # fmt: skip
        causes = [cause for cause, columns, _ in day + promo for _ in columns] + store_causes
        slow = [np.full(len(columns), is_slow) for _, columns, is_slow in day + promo]
        harmonic = np.zeros(len(causes), np.int64)
        # a sine and a cosine per harmonic, between the trend and the Christmas ramp
        first = causes.index("trend") + 1
        harmonic[first : first + 2 * _HARMONICS] = np.repeat(np.arange(_HARMONICS) + 1, 2)
        return cls(
            plan.first_date,
            np.concatenate([columns for _, columns, _ in day]),
            np.concatenate([columns for _, columns, _ in promo]),
            plan.is_promo.astype(np.float32),
            store,
            harmonic,
            np.concatenate([*slow, np.zeros(len(store), np.bool_)]),
            tuple(causes),
        )

    def span(self, first: int, last: int) -> LinearDesign:
        """Return a copy with only the days ``first`` to ``last - 1``, counted from day 0.

        It is a copy, not a view, so that the memory of the other days can be freed.
        """
        return replace(
            self,
            first_date=self.first_date + timedelta(days=first),
            day_columns=self.day_columns[:, first:last].copy(),
            promo_columns=self.promo_columns[:, first:last].copy(),
            is_promo=self.is_promo[:, first:last].copy(),
            store_columns=self.store_columns[:, :, first:last].copy(),
        )

    def replanned(self, rows: IntArray, plan: PlanGrid) -> LinearDesign:
        """Return a design for the same days in which some stores have another plan.

        Args:
            rows: For each store in ``plan``, its row in this design.
            plan: Changed plan of these stores, for the days of the design and 14 days before and
                after them, because a day's columns depend on the plan around the day. If a
                promotion is running on the design's first day, the plan must also cover the 4 days
                before the promotion's start. Days that are missing in the plan from which the
                design was computed may be missing here too.
        """
        start = plan.column(self.first_date)
        days = slice(start, start + self.is_promo.shape[1])
        is_promo, store_columns = self.is_promo.copy(), self.store_columns.copy()
        is_promo[rows] = plan.is_promo[:, days]
        store_columns[:, rows] = _store_columns(plan)[1][:, :, days]
        return replace(self, is_promo=is_promo, store_columns=store_columns)

    @property
    def columns(self) -> int:
        """Number of columns (regressors) of each store-day."""
        return len(self.slow)

    def rows(self, first: int, last: int) -> Float32Array:
        """Return all columns on the days ``first`` to ``last - 1``, counted from day 0.

        Returns:
            Array of shape (stores, columns, days).
        """
        days = slice(first, last)
        promo = self.is_promo[:, days]
        count_day, count_promo = len(self.day_columns), len(self.promo_columns)
        rows = np.empty((len(promo), self.columns, last - first), np.float32)
        rows[:, :count_day] = self.day_columns[:, days]
        promo_part = rows[:, count_day : count_day + count_promo]
        np.multiply(promo[:, None], self.promo_columns[None, :, days], out=promo_part)
        rows[:, count_day + count_promo :] = self.store_columns[:, :, days].transpose(1, 0, 2)
        return rows

    @one_blas_thread
    def combine(self, coefficients: Float32Array, first: int, last: int) -> Float32Array:
        """Multiply columns by coefficients and sum them, with less memory than :meth:`rows` needs.

        Args:
            coefficients: Coefficients, shape (stores, columns), or (1, columns) for all stores.
            first: Number of the first day, counted from day 0.
            last: Number of the day after the last one.

        Returns:
            Sums over the columns, shape (stores, days).
        """
        days = slice(first, last)
        count_day = len(self.day_columns)
        count_both = count_day + len(self.promo_columns)
        promo_effect = coefficients[:, count_day:count_both] @ self.promo_columns[:, days]
        total = promo_effect * self.is_promo[:, days]
        total += coefficients[:, :count_day] @ self.day_columns[:, days]
        for number, column in enumerate(self.store_columns):
            total += coefficients[:, count_both + number, None] * column[:, days]
        return np.asarray(total)


def _stack(columns: list[np.ndarray]) -> Float32Array:
    return np.stack(columns).astype(np.float32)


def _month_columns(plan: PlanGrid) -> Float32Array:
    dates = plan.dates
    bumps = [(working_days_before(dates), *bump) for bump in _FROM_MONTH_START]
    bumps += [(working_days_after(dates), *bump) for bump in _TO_MONTH_END]
    return _stack([np.exp(-0.5 * ((days - at) / width) ** 2) for days, at, width in bumps])


def _season_columns(plan: PlanGrid) -> Float32Array:
    """Compute the columns for trend and season, shape (columns, days).

    They are the years since the plan's first day; a sine and a cosine each with one, two and three
    waves per year; and a ramp that rises from 0, 35 days before Christmas Eve, to 1 on that day.
    """
    years = np.arange(plan.days) / _YEAR_DAYS
    of_year = np.array([day.timetuple().tm_yday for day in plan.dates]) / _YEAR_DAYS
    columns = [years]
    for number in range(1, _HARMONICS + 1):
        angle = 2 * np.pi * number * of_year
        columns += [np.sin(angle), np.cos(angle)]
    until_christmas = np.array([(date(day.year, 12, 24) - day).days for day in plan.dates])
    ramp = np.clip(1 - until_christmas / _CHRISTMAS_RAMP_DAYS, 0, None)
    columns.append(np.where(until_christmas >= 0, ramp, 0))
    return _stack(columns)


def _special_days(plan: PlanGrid) -> Float32Array:
    from_easter = np.array([(day - easter(day.year)).days for day in plan.dates])
    from_mothers_day = np.array([days_from_mothers_day(day) for day in plan.dates])
    in_year = np.array([100 * day.month + day.day for day in plan.dates])
    spans = [(from_easter, first, last) for first, last in _EASTER_SPANS]
    spans += [(from_mothers_day, first, last) for first, last in _MOTHERS_DAY_SPANS]
    spans += [(in_year, first, last) for first, last in _DATE_SPANS]
    return _stack([(days >= first) & (days <= last) for days, first, last in spans])


def _store_columns(plan: PlanGrid) -> tuple[list[str], Float32Array]:
    """Compute the columns that differ by store.

    They are about school holidays, promotions that follow another promotion after at most 3 days,
    state holidays, and closed days right before or right after the day.

    Returns:
        Driver group of each column, and the columns, shape (columns, stores, days).
    """
    holiday = plan.state_holiday > 0
    until, since = days_until(holiday, cap=_LOOK_DAYS), days_since(holiday, cap=_LOOK_DAYS)
    school = plan.is_school_holiday
    promo_follows = days_between_runs(plan.is_promo, cap=_LOOK_DAYS) <= _FOLLOWS_WITHIN_DAYS
    closed_ahead = days_until(plan.is_open, cap=_LOOK_DAYS)
    closed_behind = days_since(plan.is_open, cap=_LOOK_DAYS)
    # days closed in a row right after and right before each day
    ahead = np.pad(closed_ahead, ((0, 0), (0, 1)))[:, 1:]
    behind = np.pad(closed_behind, ((0, 0), (1, 0)))[:, :-1]
    sunday_next = (weekdays(plan.first_date, plan.days) == 5)[None, :]
    sunday_before = (weekdays(plan.first_date, plan.days) == 0)[None, :]
    columns = [
        ("holidays", school),
        ("holidays", school & plan.is_promo),
        ("promo", plan.is_promo & promo_follows),
        ("holidays", holiday),
        ("holidays", until == 1),
        ("holidays", until == 2),
        ("holidays", until == 3),
        ("holidays", since == 1),
        ("holidays", since == 2),
        ("holidays", (ahead >= 1) & ~sunday_next),
        ("holidays", (behind >= 1) & ~sunday_before),
        ("holidays", ahead >= 2),
        ("holidays", behind >= 2),
        ("holidays", behind >= 7),
    ]
    return [cause for cause, _ in columns], _stack([column for _, column in columns])
