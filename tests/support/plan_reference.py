"""Calculate all plan features day by day, and draw plans with events at all limits.

The definitions are the texts of ``plan_feature_names`` and, for holidays, German law. The
calculation is independent of the product: numbers are literal, and Easter has its own rule.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

import polars as pl
from hypothesis import strategies as st

ONE_DAY = timedelta(days=1)
MONTH_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
KINDS = {"0": 0, "a": 1, "b": 2, "c": 3}


@dataclass(frozen=True)
class PlanDay:
    """One row of a plan; the defaults are those of a day without a row."""

    is_open: bool = False
    is_promo: bool = False
    state_holiday: str = "0"
    is_school_holiday: bool = False


@dataclass(frozen=True)
class StorePlan:
    """The plan of one store from ``first`` to ``last``; rows in between may be missing."""

    first: date
    last: date
    rows: dict[date, PlanDay]

    def at(self, day: date) -> PlanDay | None:
        """Return the row of a day; None outside the plan."""
        return self.rows.get(day, PlanDay()) if self.first <= day <= self.last else None

    def holds(self, mark: Callable[[PlanDay], bool], day: date) -> bool:
        """Return whether a day is in the plan and marked."""
        found = self.at(day)
        return found is not None and mark(found)

    def distance(self, mark: Callable[[PlanDay], bool], day: date, step: int, most: int) -> int:
        """Count days to the nearest marked day, back (-1) or forward (1), at most ``most``."""
        for days in range(most):
            if self.holds(mark, day + timedelta(days=step * days)):
                return days
        return most

    def length(self, mark: Callable[[PlanDay], bool], day: date, step: int, most: int) -> int:
        """Count days from a marked day to the end of its run, ``most`` if later or unknown."""
        for days in range(most):
            beyond = day + timedelta(days=step * (days + 1))
            if self.at(beyond) is None:
                return most
            if not self.holds(mark, beyond):
                return days
        return most

    def count(self, mark: Callable[[PlanDay], bool], day: date, step: int) -> int:
        """Count the marked days among the 7 days before (-1) or after (1) a day."""
        return sum(self.holds(mark, day + timedelta(days=step * days)) for days in range(1, 8))


def promo(row: PlanDay) -> bool:
    """Return whether the store runs a promotion."""
    return row.is_promo


def holiday(row: PlanDay) -> bool:
    """Return whether the day is a state holiday of any kind."""
    return row.state_holiday != "0"


def school(row: PlanDay) -> bool:
    """Return whether schools are closed."""
    return row.is_school_holiday


def closed(row: PlanDay) -> bool:
    """Return whether the store is closed."""
    return not row.is_open


@cache
def easter_sunday(year: int) -> date:
    """Return Easter by the anonymous Gregorian rule (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), f = divmod(b, 4), (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    l = (32 + 2 * e + 2 * i - h - k) % 7  # noqa: E741 - the name in the book
    m = (a + 11 * h + 22 * l) // 451
    month, day = divmod(h + l - 7 * m + 114, 31)
    return date(year, month, day + 1)


@cache
def nationwide_holidays(year: int) -> set[date]:
    """Return the holidays of all sixteen states, by their laws and the Unification Treaty."""
    fixed = {date(year, *day) for day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))}
    # Good Friday, Easter Monday, Ascension, Whit Monday
    moving = {easter_sunday(year) + timedelta(days=days) for days in (-2, 1, 39, 50)}
    reformation = {date(2017, 10, 31)} if year == 2017 else set()  # 500 years of Reformation
    return fixed | moving | reformation


def is_working_day(day: date) -> bool:
    """Return whether a day is Monday to Friday and no nationwide holiday."""
    return day.isoweekday() <= 5 and day not in nationwide_holidays(day.year)


@cache
def mothers_day(year: int) -> date:
    """Return the second Sunday in May."""
    return [date(year, 5, day) for day in range(1, 32) if date(year, 5, day).isoweekday() == 7][1]


def within(value: int, lowest: int, highest: int) -> int:
    """Limit a value to a range."""
    return sorted((lowest, value, highest))[1]


def calendar_reading(day: date) -> dict[str, float]:
    """Calculate the features of a date that are the same in every store."""
    month_days = [
        date(day.year, day.month, number + 1)
        for number in range(monthrange(day.year, day.month)[1])
    ]
    return {
        "day_of_week": day.isoweekday(),
        "day_of_month": day.day,
        "days_to_month_end": len(month_days) - day.day,
        "working_days_before": sum(is_working_day(other) for other in month_days if other < day),
        "working_days_after": sum(is_working_day(other) for other in month_days if other > day),
        "month": day.month,
        "day_of_year": (day - date(day.year, 1, 1)).days + 1,
        "days_from_easter": within((day - easter_sunday(day.year)).days, -22, 63),
        "days_from_mothers_day": within((day - mothers_day(day.year)).days, -8, 8),
    }


def promotion_reading(plan: StorePlan, day: date) -> dict[str, float]:
    """Calculate the features of promotions."""
    runs = plan.holds(promo, day)
    return {
        "is_promo": runs,
        "promo_day_number": plan.length(promo, day, -1, most=13) if runs else -1,
        "days_to_promo_end": plan.length(promo, day, 1, most=13) if runs else -1,
        "days_since_promo": plan.distance(promo, day, -1, most=14),
        "days_until_promo": plan.distance(promo, day, 1, most=14),
        "days_between_promos": days_between_promos(plan, day) if runs else -1,
        "promo_days_last_week": plan.count(promo, day, -1),
        "promo_days_next_week": plan.count(promo, day, 1),
    }


def days_between_promos(plan: StorePlan, day: date) -> int:
    """Count the days between the last day of the previous promotion and the running one."""
    first, walked = day, 0
    while plan.holds(promo, first - ONE_DAY):
        first, walked = first - ONE_DAY, walked + 1
    if walked + 1 >= 60:  # the 60th day of the promotion or a later one
        return 14
    return plan.distance(promo, first - ONE_DAY, -1, most=14)


def holiday_reading(plan: StorePlan, day: date) -> dict[str, float]:
    """Calculate the features of state and school holidays."""
    row = plan.rows.get(day, PlanDay())
    ahead = plan.distance(holiday, day, 1, most=14)
    coming = plan.at(day + timedelta(days=ahead)) if ahead < 14 else None
    off = row.is_school_holiday
    return {
        "state_holiday": KINDS[row.state_holiday],
        "days_since_state_holiday": plan.distance(holiday, day, -1, most=14),
        "days_until_state_holiday": ahead,
        "next_state_holiday": KINDS[coming.state_holiday] if coming else 0,
        "is_school_holiday": off,
        "days_since_school_holiday_start": plan.length(school, day, -1, most=14) if off else -1,
        "days_until_school_holiday_end": plan.length(school, day, 1, most=14) if off else -1,
        "days_until_school_holiday": plan.distance(school, day, 1, most=14),
        "school_days_since_holiday": plan.distance(school, day, -1, most=14),
    }


def opening_reading(plan: StorePlan, day: date) -> dict[str, float]:
    """Calculate the features of closed days."""
    since_long_closure = 60
    for back in range(60):
        end = day - timedelta(days=back)
        if all(plan.holds(closed, end - timedelta(days=number)) for number in range(14)):
            since_long_closure = back
            break
    return {
        "days_since_closed": plan.distance(closed, day, -1, most=14),
        "days_until_closed": plan.distance(closed, day, 1, most=14),
        "closed_days_last_week": plan.count(closed, day, -1),
        "closed_days_next_week": plan.count(closed, day, 1),
        "days_since_long_closure": since_long_closure,
    }


def plan_reading(plan: StorePlan, day: date) -> dict[str, float]:
    """Calculate all features that depend on a store's plan and the calendar."""
    return {
        **calendar_reading(day),
        **promotion_reading(plan, day),
        **holiday_reading(plan, day),
        **opening_reading(plan, day),
    }


def attribute_reading(store: dict[str, object], day: date) -> dict[str, float]:
    """Calculate the features of promo2 and competition on a day."""
    weeks = -1.0
    since = store["promo2_since"]
    if store["has_promo2"] and isinstance(since, date) and since <= day:
        weeks = (day - since).days / 7
    listed = str(store["promo2_months"] or "").split(",")
    months = -1.0
    opened = store["competition_open_since"]
    if isinstance(opened, date) and opened <= day:
        # a month is a twelfth of 365.25 days
        months = min((day - opened).days / (365.25 / 12), 36.0)
    distance = store["competition_distance_m"]
    return {
        "is_promo2_month": float(weeks >= 0 and MONTH_NAMES[day.month - 1] in listed),
        "promo2_weeks": weeks,
        "competition_distance_log_m": (
            math.log(1 + distance) if isinstance(distance, float) else math.nan
        ),
        "competition_months": months,
    }


def plan_frame(plans: dict[int, StorePlan]) -> pl.DataFrame:
    """Build the plan rows of several stores as in the warehouse."""
    return pl.DataFrame(
        [
            {
                "store_id": store,
                "plan_date": day,
                "is_open": row.is_open,
                "is_promo": row.is_promo,
                "state_holiday": row.state_holiday,
                "is_school_holiday": row.is_school_holiday,
            }
            for store, plan in plans.items()
            for day, row in plan.rows.items()
        ],
        schema={
            "store_id": pl.Int32,
            "plan_date": pl.Date,
            "is_open": pl.Boolean,
            "is_promo": pl.Boolean,
            "state_holiday": pl.String,
            "is_school_holiday": pl.Boolean,
        },
    )


def store_frame(store_ids: list[int], **attributes: list[object]) -> pl.DataFrame:
    """Build the store rows as in the warehouse; values that are not given are unknown."""
    schema = {
        "store_id": pl.Int32,
        "store_type": pl.String,
        "assortment": pl.String,
        "state": pl.String,
        "competition_distance_m": pl.Float64,
        "competition_open_since": pl.Date,
        "has_promo2": pl.Boolean,
        "promo2_since": pl.Date,
        "promo2_months": pl.String,
    }
    nothing: dict[str, list[object]] = {name: [None] * len(store_ids) for name in schema}
    given = {
        "store_id": list(store_ids),
        "store_type": ["a"] * len(store_ids),
        "assortment": ["a"] * len(store_ids),
        "state": ["BE"] * len(store_ids),
        "has_promo2": [False] * len(store_ids),
        **attributes,
    }
    return pl.DataFrame({**nothing, **given}, schema=schema)


def runs(days: int, lengths: list[int]) -> st.SearchStrategy[list[bool]]:
    """Draw marked days in runs, with lengths close to the limits of the features."""

    def spread(drawn: list[int], first: bool) -> list[bool]:
        marks: list[bool] = []
        value = first
        for length in drawn:
            marks += [value] * length
            value = not value
        return [*marks, *[value] * days][:days]

    several = st.lists(st.sampled_from(lengths), min_size=1, max_size=20)
    return st.builds(spread, several, st.booleans())


@st.composite
def store_plans(draw: st.DrawFn, first: date, days: int) -> StorePlan:
    """Draw the plan of a store that may open late, with runs close to the limits of features."""
    lengths = [1, 1, 2, 3, 5, 6, 7, 8, 12, 13, 14, 15, 16, 30, 59, 60, 61, 73]
    opened, promos, schools = (draw(runs(days, lengths)) for _ in range(3))
    kinds = Random(draw(st.integers(0, 999))).choices("0abc", weights=(15, 1, 1, 1), k=days)
    opens_on = draw(st.sampled_from([0, 0, 0, days // 4, days // 2]))
    return StorePlan(
        first,
        first + timedelta(days=days - 1),
        {
            first + timedelta(days=number): PlanDay(
                opened[number], promos[number], kinds[number], schools[number]
            )
            for number in range(opens_on, days)
        },
    )
