"""The calendar: what a date is in every store, before any plan is known.

Belongs here: positions of dates in month, year and the country's holidays. What a store does on a
date (open, promotion, school holidays) is in :mod:`rossmann_ml.features.plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

import numpy as np

from rossmann_ml.features.grid import IntArray


def days_to_month_end(day: date) -> int:
    """0 on the last day of the month."""
    return (_next_month(day) - day).days - 1


def working_days_before(dates: Sequence[date]) -> IntArray:
    """Working days of the month before each date, shape (dates,): 0 up to the first one.

    Wages are paid on working days, so sales swell by them and not by the day of the month.
    Working days are Monday to Friday without nationwide holidays.
    """
    days = np.array(dates, dtype="datetime64[D]")
    starts = np.array([day.replace(day=1) for day in dates], dtype="datetime64[D]")
    return np.asarray(np.busday_count(starts, days, holidays=_holidays_around(dates)))


def working_days_after(dates: Sequence[date]) -> IntArray:
    """Working days of the month after each date, shape (dates,): 0 from the last one on."""
    days = np.array([day + timedelta(days=1) for day in dates], dtype="datetime64[D]")
    ends = np.array([_next_month(day) for day in dates], dtype="datetime64[D]")
    return np.asarray(np.busday_count(days, ends, holidays=_holidays_around(dates)))


def days_from_mothers_day(day: date) -> int:
    """Days after the year's second Sunday in May, negative before."""
    first_of_may = date(day.year, 5, 1)
    second_sunday = first_of_may + timedelta(days=13 - first_of_may.weekday())
    return (day - second_sunday).days


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _holidays_around(dates: Sequence[date]) -> np.ndarray:
    years = range(min(dates).year, max(dates).year + 1)
    return np.concatenate([_nationwide_holidays(year) for year in years])


@cache
def _nationwide_holidays(year: int) -> np.ndarray:
    import holidays  # noqa: PLC0415 - takes a third of a second, and few commands need it

    return np.array(sorted(holidays.country_holidays("DE", years=year)), dtype="datetime64[D]")
